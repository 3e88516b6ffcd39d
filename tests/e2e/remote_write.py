"""Remote write 1.0 requests from Python: the protobuf by hand, snappy with literals only (valid, not small)."""

import struct


def varint(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def field(number: int, payload: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def series(labels: dict[str, str], samples: list[tuple[int, float]]) -> bytes:
    """One TimeSeries; samples are (timestamp in ms, value)."""
    body = b"".join(field(1, field(1, name.encode()) + field(2, value.encode()))
                    for name, value in sorted(labels.items()))
    for timestamp, value in samples:
        body += field(2, b"\x09" + struct.pack("<d", value) + b"\x10" + varint(timestamp))
    return field(1, body)


def zigzag(value: int) -> int:
    return value * 2 if value >= 0 else -value * 2 - 1


def number(field_number: int, value: float) -> bytes:
    return varint(field_number << 3 | 1) + struct.pack("<d", value)


def integer(field_number: int, value: int) -> bytes:
    return varint(field_number << 3) + varint(value)


def span(offset: int, length: int) -> bytes:
    return integer(1, zigzag(offset)) + integer(2, length)


def deltas(counts: list[int]) -> bytes:
    """The counts as differences, packed."""
    return b"".join(varint(zigzag(count - before)) for before, count in zip([0, *counts], counts))


def histogram_series(labels: dict[str, str], timestamp: int, schema: int, offset: int, counts: list[int],
                     total: float, count: int | None = None) -> bytes:
    """One TimeSeries with an integer histogram of one span from bucket `offset`."""
    body = b"".join(field(1, field(1, name.encode()) + field(2, value.encode()))
                    for name, value in sorted(labels.items()))
    histogram = (integer(1, sum(counts) if count is None else count) + number(3, total) +
                 integer(4, zigzag(schema)) + number(5, 2.0 ** -128) + field(11, span(offset, len(counts))) +
                 field(12, deltas(counts)) + integer(15, timestamp))
    return field(1, body + field(4, histogram))


def snappy(payload: bytes) -> bytes:
    out = bytearray(varint(len(payload)))
    for start in range(0, len(payload), 65536):
        part = payload[start:start + 65536]
        out += bytes([61 << 2]) + struct.pack("<H", len(part) - 1) + part
    return bytes(out)


HEADERS = {"Content-Encoding": "snappy", "Content-Type": "application/x-protobuf",
           "X-Prometheus-Remote-Write-Version": "0.1.0"}
