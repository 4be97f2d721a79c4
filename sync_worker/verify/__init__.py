"""Compares Redis with the tables, in both directions, and mends what differs."""

from .report import Difference, Report
from .verify import verify_table

__all__ = ["Difference", "Report", "verify_table"]
