"""Reads a pprof profile: a decoder written apart from the encoder, for the tests to check it by."""

import gzip


def varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def fields(data: bytes) -> list[tuple[int, int | bytes]]:
    """(field number, value) of a message, in order; only the two wire types that profile.proto's writers use."""
    found: list[tuple[int, int | bytes]] = []
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        if key & 7 == 0:
            value, at = varint(data, at)
            found.append((key >> 3, value))
        elif key & 7 == 2:
            size, at = varint(data, at)
            if at + size > len(data):
                raise ValueError("a field ends past the message")
            found.append((key >> 3, data[at:at + size]))
            at += size
        else:
            raise ValueError(f"wire type {key & 7}")
    return found


def numbers(data: bytes) -> list[int]:
    out, at = [], 0
    while at < len(data):
        value, at = varint(data, at)
        out.append(value - (1 << 64) if value >> 63 else value)
    return out


def read(packed: bytes) -> dict:
    """{types, samples: [(stack root first of (function, file, line), values, labels)], time_ns, …}."""
    message = fields(gzip.decompress(packed))
    strings = [value.decode() for tag, value in message if tag == 6]
    if strings[0] != "":
        raise ValueError("the first string is not empty")
    functions = {}
    for body in (dict(fields(value)) for tag, value in message if tag == 5):
        functions[body[1]] = (strings[body[2]], strings[body[4]])
    locations = {}
    for body in (dict(fields(value)) for tag, value in message if tag == 4):
        line = dict(fields(body[4]))
        locations[body[1]] = (*functions[line[1]], line.get(2, 0))
    samples = []
    for parts in (fields(value) for tag, value in message if tag == 2):
        one = dict(parts)
        labels = [dict(fields(value)) for tag, value in parts if tag == 3]
        samples.append((tuple(locations[number] for number in reversed(numbers(one[1]))), tuple(numbers(one[2])),
                        {strings[label[1]]: strings[label[2]] for label in labels}))

    def value_type(body: bytes) -> tuple[str, str]:
        one = dict(fields(body))
        return strings[one[1]], strings[one[2]]

    flat = dict(message)
    return {"types": [value_type(value) for tag, value in message if tag == 1], "samples": samples,
            "time_ns": flat.get(9, 0), "duration_ns": flat.get(10, 0), "period_type": value_type(flat[11]),
            "period": flat[12], "comments": [strings[number] for number in numbers(flat.get(13, b""))]}
