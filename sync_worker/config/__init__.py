"""Configuration: one TOML file and the environment, read once into frozen objects."""

from .load import DEFAULT_PATH, load
from .sections import Config, DeadLetters, Events, Gearman, Mysql, Redis, Relay, Run, Worker
from .tables import SyncedTable

__all__ = [
    "DEFAULT_PATH",
    "Config",
    "DeadLetters",
    "Events",
    "Gearman",
    "Mysql",
    "Redis",
    "Relay",
    "Run",
    "SyncedTable",
    "Worker",
    "load",
]
