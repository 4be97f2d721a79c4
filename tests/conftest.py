"""Fixtures of every tier; the real servers come from tests/servers."""

pytest_plugins = ["servers.docker", "servers.fixtures"]
