"""Addresses of job servers, as people write them."""

import pytest

from sync_worker.errors import ConfigError
from sync_worker.gearman import Address, parse_address


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("localhost", "localhost", 4730),
        ("10.0.0.7:4731", "10.0.0.7", 4731),
        (" gearman.example ", "gearman.example", 4730),
        ("[::1]:5000", "::1", 5000),
        ("[::1]", "::1", 4730),
        ("fe80::1", "fe80::1", 4730),
    ],
)
def test_an_address_is_a_host_and_perhaps_a_port(text, host, port):
    assert parse_address(text) == Address(host, port)


@pytest.mark.parametrize("text", ["h:1", "[::1]:65535"])
def test_an_address_prints_as_it_is_written(text):
    assert str(parse_address(text)) == text


@pytest.mark.parametrize(
    "text",
    ["", ":4730", "h:", "h:0", "h:65536", "h:x", "h:-1", "h:²", "[::1", "[::1]4", "a b", "[]"],
)
def test_an_address_that_cannot_be_used_is_refused_by_name(text):
    with pytest.raises(ConfigError) as caught:
        parse_address(text)
    assert repr(text) in str(caught.value)
