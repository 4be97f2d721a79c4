"""The library under AddressSanitizer and UBSan inside a real MariaDB, with a mix of all calls."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from servers import Gearmand, MariaDB
from servers.fixtures import start_or_skip
from servers.sockets import free_port

from functions import hostile
from functions.answering import Answering
from functions.hostile import HostileJobServer
from functions.sql import ROOT, Sql, at_once, eventually, install, new_function, uninstall
from functions.test_gman_hostile import ON_RESULT, ON_SUBMIT

REPORT = re.compile(r"Sanitizer|runtime error|got signal")
FLAGS = ["-g", "-O1", "-fsanitize=address,undefined", "-fno-omit-frame-pointer"]
# The server leaks on purpose at its end; and it knows nothing of our allocator.
ASAN = "detect_leaks=0:alloc_dealloc_mismatch=0:verify_asan_link_order=0:handle_segv=1"


def _headers() -> Any:
    """Return udf/headers.py, which finds the headers for setup.py."""
    spec = importlib.util.spec_from_file_location("headers", ROOT / "udf" / "headers.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def instrumented(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library built with both sanitizers."""
    compiler = shutil.which("gcc")
    assert compiler is not None, "gcc is not installed. Try: apt-get install gcc"
    headers = _headers()
    library = tmp_path_factory.mktemp("sanitized") / "gman_udf.so"
    sources = sorted(str(path) for path in (ROOT / "udf").glob("*.c"))
    command = [compiler, *headers.COMPILE_FLAGS, *headers.find(), *FLAGS, "-shared"]
    command += ["-o", str(library), *sources, *headers.LINK_FLAGS]
    # Symbols of the sanitizers come from the preloaded runtime.
    command = [word for word in command if word != "-Wl,--no-undefined"]
    subprocess.run(command, check=True, timeout=300)
    return library


@pytest.fixture(scope="module")
def sanitized(instrumented: Path) -> Iterator[Sql]:
    """A connection to a MariaDB that has loaded the instrumented library."""
    runtimes = [
        subprocess.run(
            ["gcc", f"-print-file-name={name}"], capture_output=True, text=True, check=True
        ).stdout.strip()
        for name in ("libasan.so", "libubsan.so")
    ]
    server = MariaDB(
        environment={
            "LD_PRELOAD": ":".join(runtimes),
            "ASAN_OPTIONS": ASAN,
            "UBSAN_OPTIONS": "print_stacktrace=1",
        }
    )
    server.prepare()  # without the sanitizers
    server.install_library(instrumented)
    server.udf_conf.write_text(
        "ack_timeout_ms = 300\nresult_timeout_ms = 500\nretry_after_ms = 100\nqueue_bytes = 65536\n"
    )
    with start_or_skip(server):
        install(server)
        server.execute("CREATE DATABASE sanitized DEFAULT CHARACTER SET utf8mb4")
        sql = Sql(server, server.connect(database="sanitized"))
        maps = Path(f"/proc/{server.pid}/maps").read_text()
        assert "libasan" in maps, "the sanitizer is not loaded"
        yield sql
        sql.connection.close()
        server.stop()
        log = server.log.read_text(errors="replace")
        found = REPORT.search(log)
        assert found is None, log[found.start() - 200 : found.start() + 6000]
        assert "hutdown complete" in log, server.log_tail()


def test_all_calls_in_a_mix_are_clean(sanitized: Sql, gearmand: Gearmand) -> None:
    sql = sanitized
    sql.value("gman_servers_set(%s)", gearmand.address)
    function = new_function()
    numbers = sql.numbers(200)

    def work(n: int) -> None:
        with sql.another() as own:
            own.rows(f"SELECT gman_do('{function}', REPEAT(n, {n} * 40)) FROM {numbers}")
            own.rows(f"SELECT gman_do_background(CONCAT('{function}', n), n, n) FROM {numbers}")
            own.rows(f"SELECT gman_post('{function}', REPEAT(n, 100), n) FROM {numbers}")
            own.rows(f"SELECT MOD(n, 7), gman_sum('{function}', n) FROM {numbers} GROUP BY 1")
            own.rows(
                "SELECT udf_json_object(n AS id, REPEAT(x'01c3a4ff', n * 10) AS t, n/3, n * 1e300,"
                " NULL, json_members('a', n), udf_json_array(n, json_values(n, 'x')),"
                f" gman_version()) FROM {numbers}"
            )
            own.rows("SELECT gman_servers_set(%s, %s)", gearmand.address, f"{function}{n}")
            own.rows("SELECT gman_status(), lib_mysqludf_json_info()")
            for bad in ("gman_do()", "gman_post('', 1)", "json_members(1)", "gman_version(1)"):
                own.refusal(bad)
            own.rows("SELECT gman_do(NULL, 1), gman_sum(NULL, 1), gman_servers_set(NULL)")

    with Answering(gearmand.address, {function: lambda workload: workload[:9]}):
        at_once([lambda n=n: work(n) for n in range(1, 9)], 120.0)  # type: ignore[misc]
        big = sql.value(f"LENGTH(gman_do('{function}_none', REPEAT('x', 16777216)))")
        assert big is None
        assert sql.value("LENGTH(udf_json_array(REPEAT(x'01', 3000000)))") == 18000004


@pytest.mark.parametrize("fault", ON_SUBMIT)
def test_a_hostile_job_server_is_met_cleanly(
    sanitized: Sql, shared_gearmand: Gearmand, fault: str
) -> None:
    with HostileJobServer(ON_SUBMIT[fault]) as peer:
        function = new_function()
        sanitized.serve(peer.address, function)
        sanitized.value("gman_post(%s, 'x', 'u')", function)
        for name in ("gman_do", "gman_do_background", "gman_sum"):
            assert sanitized.value(f"{name}(%s, 'x')", function) is None
        sanitized.serve(shared_gearmand.address, function)


@pytest.mark.parametrize("fault", ON_RESULT)
def test_a_hostile_result_is_met_cleanly(sanitized: Sql, fault: str) -> None:
    with HostileJobServer(ON_RESULT[fault]) as peer:
        function = new_function()
        sanitized.serve(peer.address, function)
        assert sanitized.value("gman_do(%s, 'x')", function) is None
        with HostileJobServer(ON_RESULT[fault]) as second:
            sanitized.serve(second.address, function)
            assert sanitized.value("gman_sum(%s, 'x')", function) is None


def test_dropping_and_creating_is_clean_and_so_is_an_end_with_a_full_queue(
    sanitized: Sql, gearmand: Gearmand
) -> None:
    sql = sanitized
    function = new_function()
    for _ in range(3):
        uninstall(sql.server)
        install(sql.server)
        sql.serve(gearmand.address, function)
        assert sql.value("gman_do_background(%s, 'x')", function)
    sql.serve(f"127.0.0.1:{free_port()}", function)
    sql.rows(f"SELECT gman_post(%s, REPEAT('x', 2000)) FROM {sql.numbers(100)}", function)
    eventually(lambda: sql.status()["dropped"] > 0, "a full queue")
    with HostileJobServer(hostile.garbage) as peer:
        sql.serve(peer.address, new_function())
        assert sql.value("gman_version()") > 0
