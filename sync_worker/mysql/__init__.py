"""MySQL and MariaDB: what a table is, how its rows become text, its outbox and triggers."""
