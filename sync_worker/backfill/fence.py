"""Waits until the outbox has nothing left of what was in it at a moment."""

from __future__ import annotations

from sync_worker.mysql.outbox import Outbox
from sync_worker.mysql.session import Session

from .copying import Copier, Locked


class Fence:
    """Put up at the moment it is made: `passed` once every event then in the outbox is delivered.

    On a server that forgets AUTO_INCREMENT the newest event stays in the outbox after its delivery;
    there one more event is sent, behind which the others can go.
    """

    def __init__(self, session: Session, outbox: Outbox, copier: Copier) -> None:
        self._session = session
        self._chunks = copier.chunks
        self._copier = copier
        self._last = int(session.row(self._chunks.newest())[0])
        self._more = not outbox.mapping.server.keeps_auto_increment

    def passed(self) -> bool:
        """Whether nothing waits any more. To be asked now and then."""
        if not self._last:
            return True
        if self._more:
            try:
                self._copier.send_any()
            except Locked:
                return False
            self._more = False
        return not int(self._session.row(self._chunks.waiting(self._last))[0])
