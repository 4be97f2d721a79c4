"""From an outbox to the job servers: reads events, submits them, deletes what was delivered."""
