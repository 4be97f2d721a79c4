"""Every setting: section, name, default and why. docs/configuration.md is made from these."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from . import fields as f
from .fields import setting
from .tables import SyncedTable


def _run_directory() -> Path:
    """For status and pid files when nothing is said: systemd's RuntimeDirectory, else by user."""
    systemd = os.environ.get("RUNTIME_DIRECTORY", "").split(":")[0]
    if systemd:
        return Path(systemd)
    if os.geteuid() == 0:
        return Path("/run/sync-worker")
    user = os.environ.get("XDG_RUNTIME_DIR")
    return Path(user) / "sync-worker" if user else Path(f"/tmp/sync-worker-{os.geteuid()}")  # noqa: S108


@dataclass(frozen=True)
class Gearman:
    """[gearman]: the job servers and the function whose jobs are taken."""

    servers: tuple[str, ...] = setting(
        f.addresses, ("127.0.0.1:4730",), "Job servers, each grabbed from at the same time."
    )
    function: str = setting(f.function_name, "syncToRedis", "The function whose jobs are applied.")
    in_flight: int = setting(
        f.whole(1, 10_000), 1000, "Jobs asked for ahead, for each job server and worker process."
    )


@dataclass(frozen=True)
class Redis:
    """[redis]: where rows are written."""

    url: str = setting(
        f.redis_url,
        "redis://127.0.0.1:6379/0",
        "redis://host:port/db, rediss:// for TLS, or unix:///path.",
    )
    username: str = setting(f.optional_text, "", "ACL user; empty means the default user.")
    password: str = setting(
        f.optional_text,
        "",
        "Password, by environment only; in the file use password_file.",
        secret=True,
    )
    password_file: Path | None = setting(f.path, None, "A file whose first line is the password.")
    ca_file: Path | None = setting(f.path, None, "CA certificate for rediss://, PEM.")
    cluster: bool = setting(
        lambda v: f.one_of("true", "false")(str(v)) == "true", False, "Redis Cluster at this URL."
    )
    timeout: float = setting(
        f.positive_duration, 5.0, "Longest wait for one answer before the connection is dropped."
    )


@dataclass(frozen=True)
class Events:
    """[events]: how rows look in Redis."""

    key: str = setting(
        f.key_template, "{id}", "Key of a bare row; {member} stands for a member of the row."
    )
    version_member: str = setting(
        f.text, "_v", "Member (json) or field (hash) that holds the version."
    )
    tombstone: float = setting(
        f.positive_duration, 86400.0, "How long a deleted key's version is remembered."
    )


@dataclass(frozen=True)
class Worker:
    """[worker]: processes, batches and stopping."""

    processes: int = setting(f.whole(1, 256), 1, "Worker processes; --workers on the command line.")
    batch_bytes: int = setting(
        f.size, 4 << 20, "Jobs' bytes gathered before they are written, for each process."
    )
    drain: float = setting(
        f.duration,
        20.0,
        "After SIGTERM, how long jobs in hand may take before they are given back.",
    )


@dataclass(frozen=True)
class DeadLetters:
    """[dead_letters]: jobs and events that cannot be applied because of their data."""

    stream: str = setting(f.text, "sync-worker:dead-letters", "Redis stream that keeps them.")
    keep: int = setting(f.whole(1, 10_000_000), 10_000, "About how many are kept; older ones go.")
    workload_bytes: int = setting(
        f.size, 1 << 20, "A larger workload is kept cut to this size and cannot be replayed."
    )


@dataclass(frozen=True)
class Run:
    """[run]: the process itself."""

    directory: Path = setting(
        f.path, None, "For status and pid files. Default: /run/sync-worker, or one of the user's."
    )
    user: str = setting(f.optional_text, "", "User that --daemon changes to.")
    group: str = setting(f.optional_text, "", "Group that --daemon changes to.")
    log_file: Path | None = setting(
        f.path, None, "Log file, reopened on SIGHUP; else standard error."
    )
    log_level: str = setting(
        f.one_of("debug", "info", "warning", "error"), "info", "Least level that is logged."
    )
    log_format: str = setting(
        f.one_of("text", "json"), "text", "One line a record, as text or JSON."
    )
    metrics: str = setting(
        f.optional_address, "", 'Address for Prometheus, such as "127.0.0.1:9730"; empty: none.'
    )

    def __post_init__(self) -> None:
        if self.directory is None:
            object.__setattr__(self, "directory", _run_directory())


@dataclass(frozen=True)
class Mysql:
    """[mysql]: the database server, for install, relay, backfill and verify."""

    host: str = setting(f.text, "127.0.0.1", "Host name or address.")
    port: int = setting(f.whole(1, 65535), 3306, "TCP port.")
    socket: Path | None = setting(f.path, None, "Unix socket, in place of host and port.")
    user: str = setting(f.text, "sync_worker", "User.")
    password: str = setting(
        f.optional_text,
        "",
        "Password, by environment only; in the file use password_file.",
        secret=True,
    )
    password_file: Path | None = setting(f.path, None, "A file whose first line is the password.")
    ca_file: Path | None = setting(f.path, None, "CA certificate, PEM; with it TLS is demanded.")
    definer: str = setting(
        f.optional_text, "", "Account that triggers run as, user@host; default: the installer."
    )


@dataclass(frozen=True)
class Relay:
    """[relay]: from the outboxes to Redis, by the job servers."""

    schema: str = setting(f.text, "sync_worker", "Schema of the outboxes.")
    poll: float = setting(f.positive_duration, 0.5, "Longest time between two looks at an outbox.")
    batch_rows: int = setting(f.whole(1, 100_000), 1000, "Most events of one job.")
    batch_bytes: int = setting(f.size, 1 << 20, "About the most bytes of one job.")
    in_flight: int = setting(f.whole(1, 64), 4, "Jobs under way at once, for each outbox.")
    at_once: int = setting(
        f.whole(0, 1000), 32, "Batches up to this many keys go to Redis from the relay; 0: none."
    )
    verify: float = setting(
        f.duration, 0.0, "How often the leader verifies each table and repairs it; 0: never."
    )


@dataclass(frozen=True)
class Config:
    """The whole configuration.

    `path` is the file it came from, None when there was none. `sources` says "file" or
    "environment" for each setting ("redis.url") that was given.
    """

    gearman: Gearman = field(default_factory=Gearman)
    redis: Redis = field(default_factory=Redis)
    events: Events = field(default_factory=Events)
    worker: Worker = field(default_factory=Worker)
    dead_letters: DeadLetters = field(default_factory=DeadLetters)
    run: Run = field(default_factory=Run)
    mysql: Mysql = field(default_factory=Mysql)
    relay: Relay = field(default_factory=Relay)
    tables: tuple[SyncedTable, ...] = ()
    path: Path | None = None
    sources: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)
