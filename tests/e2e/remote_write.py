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


def snappy(payload: bytes) -> bytes:
    out = bytearray(varint(len(payload)))
    for start in range(0, len(payload), 65536):
        part = payload[start:start + 65536]
        out += bytes([61 << 2]) + struct.pack("<H", len(part) - 1) + part
    return bytes(out)


HEADERS = {"Content-Encoding": "snappy", "Content-Type": "application/x-protobuf",
           "X-Prometheus-Remote-Write-Version": "0.1.0"}
