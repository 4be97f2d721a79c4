"""What the documents say: links lead somewhere, commands exist, README's recipe works."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import time
import venv
from pathlib import Path

import click
import pytest

from sync_worker.cli import COMMANDS, group

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")]
DOCUMENTS += sorted((ROOT / "docs").glob("*.md"))
PATIENCE = 60.0


def commands(document):
    """The lines of shell blocks, without comments."""
    text = document.read_text()
    for block in re.findall(r"^ *```(?:sh|)\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL):
        for line in block.replace("\\\n", " ").splitlines():
            command = line.split("  #")[0].split(" # ")[0].strip().removesuffix("&").strip()
            if command:
                yield command.removeprefix("nohup ").removeprefix("sudo ")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_to_files_that_are_there(document):
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", document.read_text()):
        if "://" not in target:
            assert (document.parent / target).exists(), target


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_commands_of_ours_exist_with_their_options(document):
    for command in commands(document):
        if not command.startswith("sync-worker ") or "…" in command:
            continue
        words = shlex.split(command, comments=True)
        target, rest = group, words[1:]
        context = click.Context(group)
        while isinstance(target, click.Group) and rest and not rest[0].startswith("-"):
            found = target.get_command(context, rest[0])
            assert found, f"{document.name}: {command}"
            target, rest = found, rest[1:]
        known = {name for option in target.params for name in option.opts + option.secondary_opts}
        known |= {"--help", "--version"}
        for word in rest:
            if word.startswith("--"):
                assert word.split("=")[0] in known, f"{document.name}: {command}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_make_targets_exist(document):
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for target in re.findall(r"`make ([a-z-]+)", document.read_text()):
        assert target in targets, target


def test_every_command_is_in_the_documents():
    text = "".join(document.read_text() for document in DOCUMENTS)
    for name in COMMANDS:
        assert f"`sync-worker {name}" in text or f"sync-worker {name}" in text, name


def test_the_recipe_of_readme_keeps_a_table_in_step(
    sql_server, db, gearmand, redis_server, redis_client, tmp_path
):
    """The block under "Exact delivery", line by line; the environment gives the addresses."""
    cursor = db.cursor()
    cursor.execute("DROP DATABASE IF EXISTS shop")
    cursor.execute("CREATE DATABASE shop")
    cursor.execute("CREATE TABLE shop.product (id INT PRIMARY KEY, name VARCHAR(20))")
    cursor.execute("INSERT INTO shop.product VALUES (1, 'one')")
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "SYNC_WORKER_CONFIG": str(tmp_path / "sync-worker.toml"),
        "SYNC_WORKER_MYSQL_PORT": str(sql_server.port),
        "SYNC_WORKER_MYSQL_USER": "root",
        "SYNC_WORKER_MYSQL_PASSWORD": "",
        "SYNC_WORKER_GEARMAN_SERVERS": gearmand.address,
        "SYNC_WORKER_REDIS_URL": redis_server.url,
        "SYNC_WORKER_RUN_DIRECTORY": str(tmp_path / "run"),
    }
    readme = (ROOT / "README.md").read_text()
    block = re.search(r"Exact delivery:\n\n```sh\n(.*?)```", readme, re.DOTALL)
    assert block
    running = None
    try:
        for line in block[1].splitlines():
            words = shlex.split(line, comments=True)
            if words[1] == "run":
                running = subprocess.Popen(words, env=environment)
                await_key(redis_client, "product:1")
                continue
            done = subprocess.run(
                words, env=environment, capture_output=True, text=True, timeout=60, check=False
            )
            assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
        cursor.execute("INSERT INTO shop.product VALUES (2, 'two')")
        await_key(redis_client, "product:2")
    finally:
        if running:
            running.send_signal(signal.SIGTERM)
            assert running.wait(PATIENCE) == 0
        subprocess.run(["sync-worker", "uninstall", "--force"], env=environment, check=True)
        cursor.execute("DROP DATABASE shop")


def await_key(client, key):
    deadline = time.monotonic() + PATIENCE
    while not client.exists(key):
        assert time.monotonic() < deadline, f"{key} does not appear"
        time.sleep(0.05)


def test_a_wheel_holds_the_library_and_the_scripts(tmp_path):
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation",
         "-w", tmp_path, ROOT],
        check=True,
    )  # fmt: skip
    [wheel] = tmp_path.glob("*.whl")
    environment = tmp_path / "venv"
    venv.create(environment, with_pip=False, system_site_packages=False)
    site = next(environment.glob("lib/python3*/site-packages"))
    subprocess.run([sys.executable, "-m", "zipfile", "-e", wheel, site], check=True)
    assert (site / "sync_worker/lib/gman_udf.so").exists()
    assert (site / "sync_worker/store/apply.lua").exists()
    assert {path.name for path in site.glob("sync_worker/*/")} >= {
        "backfill", "cli", "config", "gearman", "mysql", "relay", "store", "verify",
    }  # fmt: skip
