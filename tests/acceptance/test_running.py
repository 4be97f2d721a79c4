"""`sync-worker run` in the foreground, with a real job server and a real Redis."""

import json
import os
import signal
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from running_instance import DEADLINE, Instance, Load, alive, in_redis, submit, wait_for
from servers.base import free_port

from sync_worker.gearman import Admin

pytestmark = pytest.mark.usefixtures("redis_server")


@pytest.fixture
def instance(tmp_path, gearmand, redis_server):
    with Instance(tmp_path, gearmand, redis_server) as made:
        yield made


def queued(gearmand):
    return gearmand.queued("syncToRedis")


def test_jobs_are_applied_by_several_workers_and_the_numbers_agree(
    instance, gearmand, redis_client
):
    submit(gearmand, range(2000))
    instance.start("--workers", "2")
    submit(gearmand, range(2000, 4000))
    wait_for(lambda: in_redis(redis_client, range(4000)), "all rows are in Redis")
    wait_for(lambda: instance.total("jobs") == 4000, "all jobs are counted")
    assert len(instance.workers()) == 2

    shown = instance.cli("status", "--json")
    assert shown.returncode == 0, shown
    found = json.loads(shown.stdout)
    assert found["problems"] == []
    assert found["host"]["totals"]["applied"] == 4000
    assert found["host"]["totals"]["bytes"] == sum(
        len(value) for value in redis_client.mget([f"key-{n}" for n in range(4000)])
    )
    [server] = found["job_servers"]
    assert server["functions"] == [
        {"function": "syncToRedis", "queued": 0, "running": 0, "workers": 2}
    ]
    assert instance.cli("status").returncode == 0
    assert instance.stop() == 0


def test_metrics_agree_with_what_was_submitted(instance, gearmand):
    address = f"127.0.0.1:{free_port()}"
    instance.write_config(run={"metrics": address})
    instance.start("--workers", "2")
    submit(gearmand, range(500))

    def applied():
        with urllib.request.urlopen(f"http://{address}/metrics", timeout=10) as answer:
            families = text_string_to_metric_families(answer.read().decode())
        samples = [sample for family in families for sample in family.samples]
        return sum(s.value for s in samples if s.name == "sync_worker_events_applied_total")

    wait_for(lambda: applied() == 500, "the metrics say 500")
    assert instance.stop() == 0


def test_a_metrics_address_in_use_ends_the_start_with_a_clear_error(instance):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        instance.write_config(run={"metrics": address})
        ended = instance.cli("run")
    assert ended.returncode == 2
    assert f"Error: run.metrics = '{address}': cannot listen there" in ended.stderr


def test_a_killed_worker_is_replaced_and_nothing_is_lost(instance, gearmand, redis_client):
    instance.start("--workers", "2")
    with Load(gearmand) as load:
        before = instance.workers()
        os.kill(before[1], signal.SIGKILL)
        wait_for(lambda: instance.workers().get(1) not in (None, before[1]), "another has come")
        assert instance.workers()[2] == before[2]
    wait_for(lambda: in_redis(redis_client, range(load.count)), "all rows are in Redis")
    assert instance.report().processes[0].restarts == 1
    assert 'how="signal SIGKILL"' in instance.text()
    assert "A process died; another starts in 0.5 s." in instance.text()
    assert instance.stop() == 0


def test_sigterm_under_load_drains_and_counts_every_job_once(instance, gearmand, redis_client):
    instance.start("--workers", "2")
    with Load(gearmand) as load:
        wait_for(lambda: instance.total("jobs") > 0, "jobs are done")
        assert instance.stop() == 0
    report = instance.report()
    assert (report.state, report.drained) == ("stopped", True)
    # Drained: a job is either done and counted, or still in the queue.
    assert report.total("jobs") + queued(gearmand) == load.count
    instance.start()
    wait_for(lambda: in_redis(redis_client, range(load.count)), "all rows are in Redis")
    assert instance.stop() == 0


def test_jobs_that_cannot_be_finished_in_time_are_given_back(tmp_path, gearmand, own_redis):
    with Instance(tmp_path, gearmand, own_redis) as instance, own_redis.client() as client:
        instance.write_config(worker={"drain": "1s"}, redis={"timeout": "1s"})
        instance.start()
        own_redis.freeze()
        submit(gearmand, range(100))
        assert instance.stop() == 5
        own_redis.thaw()
        assert instance.report().drained is False
        assert queued(gearmand) == 100
        instance.start()
        wait_for(lambda: in_redis(client, range(100)), "all rows are in Redis")
        assert instance.stop() == 0


def test_a_second_sigterm_ends_at_once_and_loses_nothing(tmp_path, gearmand, own_redis):
    with Instance(tmp_path, gearmand, own_redis) as instance, own_redis.client() as client:
        instance.write_config(worker={"drain": "10m"})
        instance.start("--workers", "2")
        own_redis.freeze()
        submit(gearmand, range(100))
        instance.signal(signal.SIGTERM)
        instance.said("Told to stop; finishing the jobs in hand.")
        assert instance.stop() == 5
        assert not any(alive(pid) for pid in instance._pids)
        own_redis.thaw()
        instance.start()
        wait_for(lambda: in_redis(client, range(100)), "all rows are in Redis")
        assert instance.stop() == 0


def test_ctrl_c_drains(instance):
    instance.start()
    instance.signal(signal.SIGINT)
    assert instance.wait() == 0


def test_sighup_takes_a_changed_configuration_without_a_moment_without_workers(
    instance, gearmand, redis_client
):
    instance.start()
    admin = Admin(gearmand.address)
    least = 1
    with Load(gearmand) as load:
        old = instance.workers()
        instance.write_config(worker={"processes": 3})
        instance.signal(signal.SIGHUP)

        def reloaded():
            nonlocal least
            workers = [row.workers for row in admin.status() if row.function == "syncToRedis"]
            least = min(least, *workers)
            now = instance.workers()
            return len(now) == 3 and not set(old.values()) & set(now.values())

        wait_for(reloaded, "three new workers are up")
        wait_for(lambda: not alive(old[1]), "the old one has gone")
    assert least == 1
    assert "Reloaded. processes=3" in instance.text()
    wait_for(lambda: in_redis(redis_client, range(load.count)), "all rows are in Redis")
    # What the drained worker did is not forgotten, and nothing was done twice.
    wait_for(lambda: instance.total("jobs") == load.count, "all jobs are counted")
    assert instance.stop() == 0


def test_sighup_with_a_broken_configuration_goes_on_with_the_old_one(
    instance, gearmand, redis_client
):
    instance.start()
    with Load(gearmand) as load:
        before = instance.workers()
        whole = instance.config.read_text()
        instance.config.write_text(whole + "[redsi]\n")
        instance.signal(signal.SIGHUP)
        instance.said("The new configuration was refused; going on with the old one.")
        refused = instance.cli("reload")
        assert instance.workers() == before
        # A worker that dies now is started with what was checked, not with the broken file.
        os.kill(before[1], signal.SIGKILL)
        wait_for(lambda: instance.workers().get(1) not in (None, before[1]), "another has come")
    assert "did you mean 'redis'" in instance.text()
    assert (refused.returncode, "did you mean 'redis'" in refused.stderr) == (2, True)
    instance.config.write_text(whole)
    wait_for(lambda: in_redis(redis_client, range(load.count)), "all rows are in Redis")
    assert instance.stop() == 0


def test_a_log_that_was_renamed_is_opened_again_everywhere(instance, tmp_path):
    log = tmp_path / "sync-worker.log"
    instance.write_config(run={"log_file": str(log), "log_format": "json"})
    instance.start()
    old = instance.workers()[1]
    log.rename(tmp_path / "old.log")
    assert instance.cli("reload").returncode == 0
    wait_for(lambda: log.exists() and "Reloaded." in log.read_text(), "it logs to a new file")
    wait_for(lambda: not alive(old), "the old worker has gone")
    size = (tmp_path / "old.log").stat().st_size
    assert instance.stop() == 0
    assert (tmp_path / "old.log").stat().st_size == size
    records = [json.loads(line) for line in log.read_text().splitlines()]
    assert {record["process"] for record in records} >= {"supervisor", "worker-1"}


def test_workers_end_when_their_parent_is_killed(instance, gearmand, redis_client):
    instance.start("--workers", "2")
    workers = instance.workers()
    with Load(gearmand) as load:
        instance.signal(signal.SIGKILL)
        instance.wait()
        wait_for(lambda: not any(map(alive, workers.values())), "the workers have gone")
    stale = instance.cli("status")
    assert stale.returncode == 3
    assert "no sync-worker runs here" in stale.stdout
    assert "not running (was running)" in stale.stdout
    # The pid file left behind is taken over.
    instance.start()
    wait_for(lambda: in_redis(redis_client, range(load.count)), "all rows are in Redis")
    assert instance.stop() == 0


def test_it_lives_on_under_nohup_and_reloads_there(instance):
    instance.launch(before=["nohup"])
    instance.await_state("running")
    before = instance.workers()
    instance.signal(signal.SIGHUP)
    assert instance.cli("reload").returncode == 0
    instance.said("Reloaded.")
    wait_for(lambda: instance.workers().get(1) not in (None, before[1]), "a new worker is up")
    assert instance.text().count("Configuration read again") == 1
    assert instance.cli("stop").returncode == 0
    assert instance.wait() == 0


def test_a_second_run_in_the_same_directory_is_refused(instance):
    instance.start()
    second = instance.cli("run")
    assert second.returncode == 4
    assert f"process id {instance.process.pid}" in second.stderr
    assert instance.stop() == 0


@pytest.mark.parametrize("how", [[], ["--daemon"]])
def test_a_wrong_redis_password_ends_the_start_with_a_clear_error(
    tmp_path, gearmand, own_redis, how
):
    secret = "wrong-horse-battery"
    with own_redis.client() as client:
        client.config_set("requirepass", "correct-horse-battery")
    with Instance(tmp_path, gearmand, own_redis) as instance:
        instance.write_config(run={"log_file": str(tmp_path / "log")})
        ended = instance.cli("run", *how, SYNC_WORKER_REDIS_PASSWORD=secret)
    assert ended.returncode == 2, ended
    assert "Error: " in ended.stderr
    assert "redis" in ended.stderr
    for text in (ended.stderr, (tmp_path / "log").read_text()):
        assert secret not in text
        assert "Traceback" not in text


def test_no_secret_is_in_the_process_list_or_in_a_childs_environment(tmp_path, gearmand, own_redis):
    secret = "correct-horse-battery"
    with own_redis.client() as client:
        client.config_set("requirepass", secret)
    with Instance(tmp_path, gearmand, own_redis) as instance:
        instance.start(SYNC_WORKER_REDIS_PASSWORD=secret)
        worker = instance.workers()[1]
        shown = subprocess.run(
            ["ps", "-eww", "-o", "args"], capture_output=True, text=True, check=True
        ).stdout
        assert "sync_worker.child worker" in shown
        assert secret not in shown
        assert secret.encode() not in Path(f"/proc/{worker}/environ").read_bytes()
        assert instance.stop() == 0
        assert secret not in instance.text()
    with own_redis.client(password=secret) as client:
        client.config_set("requirepass", "")


def test_systemd_hears_of_start_reload_watchdog_and_stop(instance, tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(60)
        heard = []

        def hear(word):
            end = time.monotonic() + DEADLINE
            while time.monotonic() < end:
                message = manager.recv(4096).decode()
                heard.append(message)
                if word in message.split("\n"):
                    return
            pytest.fail(f"{word} was not heard; heard: {heard}")

        environment = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "4000000"}
        instance.launch("--workers", "2", **environment)
        hear("READY=1")
        assert len(instance.workers()) == 2
        assert "STATUS=2 processes up, Redis up, 0 applied, 0 dead letters" in heard[-1]
        hear("WATCHDOG=1")
        hear("WATCHDOG=1")
        instance.signal(signal.SIGHUP)
        hear("RELOADING=1")
        assert heard[-1].split("\n")[1].startswith("MONOTONIC_USEC=")
        hear("READY=1")
        instance.signal(signal.SIGTERM)
        hear("STOPPING=1")
        assert instance.wait() == 0
