"""Exit codes of every command; docs/operation.md has the table."""

OK = 0
FAILED = 1  # an error at run time; for `status`: something is down
USAGE = 2  # the command line or the configuration
NOT_RUNNING = 3
ALREADY_RUNNING = 4
GAVE_BACK = 5  # stopped, but jobs in hand went back to the job server
# `verify`: a sum of these.
UNDECIDED = 8
MISSING = 16
STALE = 32
ORPHAN = 64
