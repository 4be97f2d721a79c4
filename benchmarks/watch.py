"""`python -m benchmarks.watch URL KEY LAST`: when each volume was first seen in a key, as JSON.

Told of each write by Redis itself, so that watching costs the machine little.
"""

from __future__ import annotations

import json
import re
import sys
import time

import redis

PATIENCE = 60.0  # s


def main(url: str, key: str, last: int) -> None:
    """Print "ready", then {volume: monotonic seconds} once `last` was seen."""
    client = redis.Redis.from_url(url)
    client.config_set("notify-keyspace-events", "K$")
    subscription = client.pubsub(ignore_subscribe_messages=False)
    subscription.subscribe(f"__keyspace@0__:{key}")
    subscription.get_message(timeout=5)
    print("ready", flush=True)
    seen: dict[int, float] = {}
    deadline = time.monotonic() + PATIENCE
    while last not in seen and time.monotonic() < deadline:
        if subscription.get_message(timeout=1):
            moment = time.monotonic()
            found = re.search(rb'"volume":(\d+)', client.get(key) or b"")
            if found:
                seen.setdefault(int(found[1]), moment)
    print(json.dumps(seen))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
