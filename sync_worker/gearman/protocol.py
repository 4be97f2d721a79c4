"""The Gearman protocol without I/O: arguments into bytes, bytes into packets.

Nothing here touches a socket. `encode` builds one packet; a `Decoder` is fed whatever the socket
gave, however split, and returns the packets that are complete.
"""

from __future__ import annotations

import struct

from ..errors import LocalProtocolError, RemoteProtocolError
from .packets import (
    HEADER_BYTES,
    MAX_ARGUMENT_BYTES,
    MAX_FUNCTION_BYTES,
    PACKETS,
    REQUEST_MAGIC,
    RESPONSE_MAGIC,
    Packet,
)

#: The longest body taken from a peer. A value of MySQL is at most 1 GiB (max_allowed_packet), so a
#: longer job cannot be one of ours; the slack is for the other arguments.
DEFAULT_MAX_BODY_BYTES = (1 << 30) + 65536

_MAX_LENGTH = 0xFFFFFFFF
_SHOWN_BYTES = 16

_pack_header = struct.Struct("!4sII").pack
# Magic and number are read as one 64-bit word, so that one look-up checks both.
_unpack_header = struct.Struct("!QI").unpack_from


def header(packet: int, length: int, magic: bytes = REQUEST_MAGIC) -> bytes:
    """Return the twelve bytes before a body of `length` bytes."""
    return _pack_header(magic, packet, length)


def encode(packet: int, *arguments: bytes, magic: bytes = REQUEST_MAGIC) -> bytes:
    """Return one packet as bytes.

    Raises LocalProtocolError when the number of arguments is wrong, an argument before the last
    holds NUL, those together are longer than gearmand takes, or the body exceeds 32 bits.
    """
    layout = PACKETS.get(packet)
    if layout is None:
        raise LocalProtocolError(f"There is no Gearman packet with the number {packet}.")
    name = layout.packet.name
    if len(arguments) != len(layout.arguments):
        raise LocalProtocolError(
            f"{name} takes {len(layout.arguments)} arguments, {len(arguments)} were given."
        )
    for label, value in zip(layout.arguments[:-1], arguments, strict=False):
        if b"\0" in value:
            raise LocalProtocolError(
                f"{name}: the argument {label} holds a NUL byte; only the last one may."
            )
    body = b"\0".join(arguments)
    if arguments and len(body) - len(arguments[-1]) > MAX_ARGUMENT_BYTES:
        raise LocalProtocolError(
            f"{name}: the arguments before the last take {len(body) - len(arguments[-1])} bytes; "
            f"gearmand takes {MAX_ARGUMENT_BYTES}."
        )
    if len(body) > _MAX_LENGTH:
        raise LocalProtocolError(
            f"{name}: {len(body)} bytes are more than the 32-bit length of a packet can say."
        )
    return _pack_header(magic, packet, len(body)) + body


def check_function(name: bytes) -> bytes:
    """Return `name` if it can name a function; raise LocalProtocolError otherwise."""
    if not name or len(name) > MAX_FUNCTION_BYTES or b"\0" in name:
        raise LocalProtocolError(
            f"A function name has 1 to {MAX_FUNCTION_BYTES} bytes and no NUL: {name[:64]!r}."
        )
    return name


def split(packet: int, body: bytes) -> list[bytes]:
    """Return the arguments of a body that came with `packet`.

    Raises RemoteProtocolError when there are fewer than the packet has.
    """
    layout = PACKETS[packet]
    if not layout.arguments:
        return []
    arguments = body.split(b"\0", len(layout.arguments) - 1)
    if len(arguments) != len(layout.arguments):
        missing = ", ".join(layout.arguments[len(arguments) :])
        raise RemoteProtocolError(
            f"{layout.packet.name} came without {missing}; its {len(body)} bytes begin with "
            f"{body[:_SHOWN_BYTES]!r}."
        )
    return arguments


class Decoder:
    """Turns a stream of bytes into packets.

    `magic` is what the packets of this stream begin with: answers for a client or worker, requests
    for a server. A body longer than `max_body_bytes` is refused when its header is seen.
    """

    def __init__(
        self, *, magic: bytes = RESPONSE_MAGIC, max_body_bytes: int = DEFAULT_MAX_BODY_BYTES
    ) -> None:
        self._max_body_bytes = max_body_bytes
        self._magic = magic
        self._numbers = {
            int.from_bytes(magic + number.to_bytes(4, "big"), "big"): number
            for number in map(int, PACKETS)
        }
        # What has come of an incomplete packet, in pieces: joining only once all of it is here
        # keeps a packet of n bytes at O(n) however small the pieces are.
        self._pieces: list[bytes] = []
        self._held = 0
        self._needed = HEADER_BYTES

    @property
    def held(self) -> int:
        """Bytes of an incomplete packet that are kept."""
        return self._held

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        """Take more of the stream; return (packet number, body) of every packet now complete.

        Raises RemoteProtocolError on bytes that are no Gearman packet. The packets before them in
        the same call are lost with the stream, and the decoder must not be fed again.
        """
        if self._held:
            self._pieces.append(data)
            self._held += len(data)
            if self._held < self._needed:
                if self._needed == HEADER_BYTES:
                    self._check_magic(b"".join(self._pieces))
                return []
            data = b"".join(self._pieces)
        packets: list[tuple[int, bytes]] = []
        append = packets.append
        numbers = self._numbers
        ceiling = self._max_body_bytes
        position = 0
        body = HEADER_BYTES
        size = len(data)
        needed = HEADER_BYTES
        while body <= size:
            word, length = _unpack_header(data, position)
            if word not in numbers or length > ceiling:
                raise self._refusal(data[position:body], length)
            end = body + length
            if end > size:
                needed = HEADER_BYTES + length
                break
            append((numbers[word], data[body:end]))
            position = end
            body = end + HEADER_BYTES
        self._held = size - position
        self._needed = needed
        self._pieces = [data[position:] if position else data] if self._held else []
        if self._held:
            self._check_magic(data[position : position + HEADER_BYTES])
        return packets

    def _check_magic(self, head: bytes) -> None:
        """Refuse the beginning of a packet as soon as it cannot be one."""
        if not head.startswith(self._magic[: len(head)]):
            raise self._refusal(head, 0)

    def _refusal(self, head: bytes, length: int) -> RemoteProtocolError:
        if not head.startswith(self._magic[: len(head)]):
            return RemoteProtocolError(
                f"The peer sent bytes that are no Gearman packet: {head!r}. "
                "Check the address and port."
            )
        number = int.from_bytes(head[4:8], "big")
        if number not in PACKETS:
            return RemoteProtocolError(f"The peer sent a packet of the unknown number {number}.")
        return RemoteProtocolError(
            f"The peer announced a {Packet(number).name} of {length} bytes; "
            f"the limit is {self._max_body_bytes}."
        )
