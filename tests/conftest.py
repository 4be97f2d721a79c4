"""Fixtures of every tier; the real servers come from tests/servers."""

import signal

pytest_plugins = ["servers.docker", "servers.fixtures"]

# Under nohup SIGHUP is ignored here and in all that the tests start; sync-worker would leave it so.
signal.signal(signal.SIGHUP, signal.SIG_DFL)
