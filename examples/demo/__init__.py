"""The demo: rows changed in a private MariaDB appear in a private Redis.

Run it with ``make demo``; ``make up`` leaves the same stack running. Needs tests/ on the path.
"""
