"""Copies the rows that are there: each gets an event in its outbox, which the relay delivers."""

from .backfill import MOST_WAITING, Backfill, Report, epoch_is_current
from .copying import Copier, Locked

__all__ = ["MOST_WAITING", "Backfill", "Copier", "Locked", "Report", "epoch_is_current"]
