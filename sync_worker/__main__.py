"""`python -m sync_worker` is the command `sync-worker`."""

from .cli import main

main()
