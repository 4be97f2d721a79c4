"""sync-worker keeps a Redis cache in step with MySQL and MariaDB tables."""

__version__ = "0.1.0"
