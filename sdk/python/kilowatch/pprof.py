"""Encodes a profile as pprof: a gzipped protobuf message `Profile`, which pprof and Pyroscope read.

Only what profile.proto needs: varints, length-delimited fields, packed repeated numbers. Strings, functions and
locations are interned; a location is one line of one function, and a sample's stack is written leaf first.

Source: profile.proto of github.com/google/pprof (field numbers below); protobuf's encoding page.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Frame:
    """A line in a function. `line` and `first_line` start at 1; 0 where unknown."""

    function: str
    file: str
    first_line: int
    line: int


@dataclass(frozen=True)
class ValueType:
    name: str  # cpu, samples, inuse_space, …
    unit: str  # nanoseconds, count, bytes


@dataclass
class StackSample:
    stack: tuple[Frame, ...]  # root first
    values: tuple[int, ...]  # one for each value type
    labels: Mapping[str, str] = field(default_factory=dict)


def _varint(number: int) -> bytes:
    number &= (1 << 64) - 1  # int64 in two's complement
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _number(tag: int, value: int) -> bytes:
    return _varint(tag << 3) + _varint(value) if value else b""  # zero is the default and not written


def _bytes(tag: int, payload: bytes) -> bytes:
    return _varint(tag << 3 | 2) + _varint(len(payload)) + payload


def _packed(tag: int, values: Iterable[int]) -> bytes:
    return _bytes(tag, b"".join(_varint(value) for value in values))


class _Table:
    """Interned strings; index 0 is the empty one, as the format demands."""

    def __init__(self) -> None:
        self.index: dict[str, int] = {"": 0}

    def __getitem__(self, text: str) -> int:
        return self.index.setdefault(text, len(self.index))


def encode(types: Sequence[ValueType], samples: Iterable[StackSample], *, time_ns: int, duration_ns: int,
           period_type: ValueType, period: int, comments: Iterable[str] = ()) -> bytes:
    """The gzipped message. `time_ns` is since the Unix epoch. The same input gives the same bytes."""
    strings = _Table()
    functions: dict[tuple[str, str, int], int] = {}
    locations: dict[tuple[int, int], int] = {}
    out = bytearray()

    def value_type(value: ValueType) -> bytes:  # ValueType: type 1, unit 2
        return _number(1, strings[value.name]) + _number(2, strings[value.unit])

    for kind in types:
        out += _bytes(1, value_type(kind))  # sample_type
    for sample in samples:
        ids = []
        for frame in reversed(sample.stack):
            function = functions.setdefault((frame.function, frame.file, frame.first_line), len(functions) + 1)
            ids.append(locations.setdefault((function, frame.line), len(locations) + 1))
        body = _packed(1, ids) + _packed(2, sample.values)  # location_id, value
        for key, text in sorted(sample.labels.items()):
            body += _bytes(3, _number(1, strings[key]) + _number(2, strings[text]))  # label: key, str
        out += _bytes(2, body)  # sample
    for (function, line), number in locations.items():
        # location: id 1, line 4 {function_id 1, line 2}
        out += _bytes(4, _number(1, number) + _bytes(4, _number(1, function) + _number(2, line)))
    for (name, file, first_line), number in functions.items():
        # function: id 1, name 2, system_name 3, filename 4, start_line 5
        out += _bytes(5, _number(1, number) + _number(2, strings[name]) + _number(3, strings[name]) +
                      _number(4, strings[file]) + _number(5, first_line))
    tail = _number(9, time_ns) + _number(10, duration_ns)
    tail += _bytes(11, value_type(period_type)) + _number(12, period)
    comment_ids = [strings[text] for text in comments]
    if comment_ids:
        tail += _packed(13, comment_ids)
    for text in strings.index:
        out += _bytes(6, text.encode("utf-8", "replace"))  # string_table
    # A time of zero in the gzip header: the bytes depend on the profile alone.
    return gzip.compress(bytes(out + tail), compresslevel=6, mtime=0)
