"""Writes to Redis: events, newest wins, dead letters. Knows nothing of Gearman or MySQL."""
