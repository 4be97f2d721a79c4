"""A load of random transactions, and the oracle that judges what Redis showed meanwhile.

`writer` changes rows and logs what each transaction committed, `poller` reads Redis all the while,
`chaos` kills and freezes workers and relays, `oracle` compares. `run` puts them together; the
acceptance tests run it for seconds, `make soak` for as long as it takes.
"""
