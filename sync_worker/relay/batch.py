"""A batch of events: the lines to submit and the ids to delete once they are applied."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Batch:
    """`lines` are event lines, one a key; `ids` all events that they stand for.

    `tries` counts failures of workers, `waits` how often no result came in time.
    """

    lines: tuple[bytes, ...]
    ids: tuple[int, ...]
    tries: int = 0
    waits: int = 0

    @property
    def workload(self) -> bytes:
        """What is submitted."""
        return b"\n".join(self.lines)

    def halves(self) -> tuple[Batch, Batch]:
        """Two batches of half the lines each.

        A line takes its own id along. The ids of older events of the same keys go with the second
        half: until the first is done, the newest event of each of its keys stays in the outbox.
        """
        middle = len(self.lines) // 2
        first = self.ids[:middle]
        return Batch(self.lines[:middle], first), Batch(self.lines[middle:], self.ids[middle:])


def parse(text: bytes, *, versions: bool) -> Batch:
    """A batch of the outbox's text; of several events of one key the newest is delivered.

    The ids of the lines come first, in their order, then those of older events.
    """
    lines = text.split(b"\n")
    heads = [line.split(b"\t", 2) for line in lines]
    ids = tuple([int(head[0]) for head in heads])
    keys = [head[1] for head in heads]
    if len(set(keys)) < len(keys):
        newest: dict[bytes, tuple[int, bytes]] = {}
        for id, key, line in sorted(zip(ids, keys, lines, strict=True)):
            newest[key] = (id, line)
        own = [id for id, _ in newest.values()]
        ids = (*own, *(set(ids) - set(own)))
        lines = [line for _, line in newest.values()]
    if not versions:
        lines = [b"0" + line[line.index(b"\t") :] for line in lines]
    return Batch(tuple(lines), ids)
