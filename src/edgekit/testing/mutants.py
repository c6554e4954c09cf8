"""Damaged files that are still made as their format wants it, so that they get past its first checks.

In: a random generator and a whole file. Out: another one, which may by chance be whole, too.
"""

import json
import random
import struct
import zlib
from collections.abc import Callable, Iterator
from typing import Any

Mutator = Callable[[random.Random, bytes], bytes]
NUMBERS = (0, 1, 2, 4, 7, 8, 16, 127, 128, 255, 256, 65_535, 65_536, 2**31 - 1, 2**31, 2**32 - 1)
_PNG_CHUNKS = (b"tRNS", b"PLTE", b"iCCP", b"zTXt", b"iTXt", b"eXIf", b"acTL", b"fcTL", b"fdAT", b"IDAT", b"IHDR")
_JSON = (  # as they stand in a file: no parser's values
    "null", "true", "0", "-1", "1.5", "1e999", "-1e999", "NaN", "Infinity", "-Infinity", "1e-400", str(10**400),
    str(2**63), '""', '"x"', '"\\ud800"', '"\\u0000"', '"../../x"', "[]", "{}", "[null]", "[[1]]", '{"a": {}}',
    "[" * 100_000, "[" * 5000 + "]" * 5000, '{"a":' * 900 + "1" + "}" * 900, "[1,2,3]", "01", "+1", "'x'",
    '{"a":1,"a":2}',
)  # fmt: skip
_CELLS = (
    b"", b" ", b'"', b'""', b'"a\nb"', b'"a\r\nb.png"', b"../a.png", b"/a.png", b"C:\\a.png", b"\0", b"\x1b[31m",
    b"a" * 200_000, b"train", b"TEST", b"val", b"fold", b"path", b"label", b"split", b"group", b"Cat", b"caf\xc3\xa9",
    b"cafe\xcc\x81", b"\xff", b"a" * 300 + b".png", b"\xe2\x80\xae.png", b"photos", b"photos/", b".", b"~", b"=1+1",
)  # fmt: skip


def json_text(rng: random.Random, content: bytes) -> bytes:
    """Values, keys, the depth or a few bytes of a JSON text are changed."""
    if rng.random() < 0.15:
        return cut(rng, damaged(rng, content))
    values, raw = json.loads(content), dict[str, str]()
    for number in range(rng.choice([1, 1, 1, 2, 3])):
        places = list(_places(values))
        if not places:
            break
        group, key = rng.choice(places)
        match rng.randrange(8):
            case 0:
                del group[key]
            case 1 if isinstance(group, dict):
                group[rng.choice(["", key + "x", key.upper(), "schema_version", "\0"])] = group.pop(key)
            case 2 if isinstance(group, list):
                group[key:key] = [group[key]] * rng.choice([1, 2, 40])
            case 3:
                other, elsewhere = rng.choice(places)
                group[key] = json.loads(json.dumps(other[elsewhere]))  # a copy: it may hold this very place
            case 4 if isinstance(group[key], int | float) and not isinstance(group[key], bool):
                group[key] = rng.choice([-group[key], group[key] + 1, group[key] * 1000, 10**9, 1e-30, 2**70])
            case 5 if isinstance(group[key], str):
                group[key] = rng.choice(
                    [group[key] * 50, group[key][:-1], "\x1b[2J" + group[key], "\u202e", "a" * 100_000]
                )
            case _:
                mark = f"@raw {number}@"
                group[key], raw[mark] = mark, rng.choice(_JSON)
    text = json.dumps(values, ensure_ascii=rng.random() < 0.5)
    for mark, written in raw.items():
        text = text.replace(json.dumps(mark), written)
    return cut(rng, text.encode(rng.choice(["utf-8"] * 20 + ["utf-8-sig", "utf-16", "utf-32"]), "surrogatepass"))


def csv_text(rng: random.Random, content: bytes) -> bytes:
    """Cells, lines or a few bytes of a CSV are changed."""
    if rng.random() < 0.15:
        return cut(rng, damaged(rng, content))
    rows = [line.split(b",") for line in content.splitlines()]
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        row = rng.choice(rows)
        match rng.randrange(6):
            case 0:
                rows.append(rng.choice(rows)[:])
            case 1 if len(rows) > 1:
                rows.remove(row)
            case 2:
                row.insert(rng.randrange(len(row) + 1), rng.choice(_CELLS))
            case 3 if len(row) > 1:
                del row[rng.randrange(len(row))]
            case 4:
                rows[0], row[:] = row[:], rows[0]
            case _:
                row[rng.randrange(len(row))] = rng.choice([*_CELLS, *rng.choice(rows)])
    mark = rng.choice([b",", b",", b",", b";", b"\t"])
    return rng.choice([b"", b"", b"\xef\xbb\xbf"]) + rng.choice([b"\n", b"\r\n"]).join(mark.join(row) for row in rows)


def _places(values: Any) -> Iterator[tuple[Any, Any]]:
    for key in list(values) if isinstance(values, dict) else range(len(values)) if isinstance(values, list) else ():
        yield values, key
        yield from _places(values[key])


def flatbuffer(rng: random.Random, content: bytes) -> bytes:
    """A few bits, bytes, words or offsets are changed in place, or a piece is cut out, cut off or doubled."""
    data = bytearray(content)
    for _ in range(rng.choice([1, 1, 1, 2, 4])):
        if len(data) < 9:
            break
        at = rng.randrange(len(data))
        word = at & ~3
        match rng.choices(range(7), [0.3, 0.2, 0.2, 0.15, 0.05, 0.05, 0.05])[0]:
            case 0:
                data[at] ^= 1 << rng.randrange(8)
            case 1:
                data[at] = rng.randrange(256)
            case 2:
                data[word : word + 4] = struct.pack("<I", rng.choice([*NUMBERS, len(data)]))
            case 3:  # an offset that leads to another table, or the number of another vector
                other = rng.randrange(len(data)) & ~3
                data[word : word + 4] = data[other : other + 4]
            case 4:
                del data[at : at + rng.randrange(1, 64)]
            case 5:
                data = data[: max(8, at)]
            case _:
                data[at:at] = data[at : at + rng.randrange(1, 32)]
    return bytes(data)


def protobuf(rng: random.Random, content: bytes) -> bytes:
    """Fields of a message, at any depth, are changed, doubled, dropped, swapped or renumbered; lengths are right."""
    if rng.random() < 0.1:
        return cut(rng, damaged(rng, content))
    fields = _fields(content)
    if not fields:
        return damaged(rng, content)
    row = rng.randrange(len(fields))
    number, kind, value = fields[row]
    match rng.randrange(8):
        case 0:
            fields[row : row + 1] = [fields[row]] * 2
        case 1:
            del fields[row]
        case 2:
            fields[row] = (rng.choice([number + 1, number - 1 or 1, 1, 2, 5, 7]), kind, value)
        case 3:
            other = rng.randrange(len(fields))
            fields[row], fields[other] = fields[other], fields[row]
        case _ if kind == 0:
            fields[row] = (number, kind, _varint(rng.choice([*NUMBERS, 2**63, 2**64 - 1, rng.randrange(30)])))
        case _ if kind == 2 and len(_fields(value)) > 0:
            fields[row] = (number, kind, protobuf(rng, value))
        case _:
            fields[row] = (number, kind, damaged(rng, value) if kind == 2 else rng.randbytes(len(value)))
    return b"".join(
        _varint(number << 3 | kind) + (_varint(len(value)) if kind == 2 else b"") + value
        for number, kind, value in fields
    )


def _fields(content: bytes) -> list[tuple[int, int, bytes]]:
    """(number, wire type, bytes) of each field; empty where this is no message."""
    found, at = [], 0
    try:
        while at < len(content):
            key, at = _number(content, at)
            number, kind = key >> 3, key & 7
            begin = at
            if kind == 0:
                _, at = _number(content, at)
            elif kind == 2:
                length, begin = _number(content, at)
                at = begin + length
            elif kind in (1, 5):
                at += 8 if kind == 1 else 4
            if not number or kind not in (0, 1, 2, 5) or at > len(content):
                return []
            found.append((number, kind, content[begin:at]))
    except IndexError:
        return []
    return found


def _number(content: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = content[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at


def _varint(value: int) -> bytes:
    found = bytearray()
    while value > 127:
        found.append(value & 127 | 128)
        value >>= 7
    return bytes([*found, value])


def png(rng: random.Random, content: bytes) -> bytes:
    """Chunks are changed, doubled, dropped or moved; their checksums are right."""
    chunks, at = [], 8
    while at < len(content):
        (length,) = struct.unpack_from(">I", content, at)
        chunks.append((content[at + 4 : at + 8], content[at + 8 : at + 8 + length]))
        at += 12 + length
    kinds = [*(kind for kind, _ in chunks), *_PNG_CHUNKS]
    for _ in range(rng.randint(1, 3)):
        row = rng.randrange(len(chunks))
        kind, data = chunks[row]
        changed, other = (kind, damaged(rng, data)), (rng.choice(kinds), data)
        chunks[row : row + 1] = rng.choice([[changed], [changed], [other], [(kind, data)] * 2, []]) or [other]
        if rng.random() < 0.1:
            rng.shuffle(chunks)
    body = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
    return content[:8] + cut(rng, body)


def jpeg(rng: random.Random, content: bytes) -> bytes:
    """Segments before the scan are changed, doubled, dropped or renamed; their lengths are right, most of the time."""
    segments, at = [], 2
    while content[at + 1] != 0xDA:
        (length,) = struct.unpack_from(">H", content, at + 2)
        segments.append((content[at + 1], content[at + 4 : at + 2 + length]))
        at += 2 + length
    scan = content[at:]
    for _ in range(rng.randint(1, 3)):
        row = rng.randrange(len(segments)) if segments else 0
        marker, data = segments[row] if segments else (0xE1, b"Exif\0\0MM\0*")
        other = rng.choice([0xC0, 0xC1, 0xC2, 0xC4, 0xC9, 0xDB, 0xDD, 0xE0, 0xE1, 0xE2, 0xED, 0xEE, 0xFE])
        changed = (marker, damaged(rng, data))
        segments[row : row + 1] = rng.choice([[changed], [changed], [changed], [(other, data)], [changed, changed], []])
    body = b"".join(
        b"\xff" + bytes([marker]) + struct.pack(">H", (len(data) + 2) % 65_536) + data for marker, data in segments
    )
    return content[:2] + cut(rng, body + (damaged(rng, scan) if rng.random() < 0.5 else scan))


def damaged(rng: random.Random, data: bytes) -> bytes:
    """Up to four changes: bytes, numbers, pieces lost or put in."""
    found = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        if not found:
            return rng.randbytes(rng.randrange(40))
        at = rng.randrange(len(found))
        match rng.randrange(4):
            case 0:
                found[at] = rng.choice([0, 1, 3, 127, 128, 255, rng.randrange(256)])
            case 1:
                found[at : at + 4] = struct.pack(">I", rng.choice(NUMBERS))
            case 2:
                del found[at : at + rng.randint(1, 9)]
            case 3:
                found[at:at] = rng.randbytes(rng.randint(1, 9))
    return bytes(found)


def cut(rng: random.Random, data: bytes) -> bytes:
    """Now and then the beginning alone."""
    return data[: rng.randrange(len(data))] if data and rng.random() < 0.05 else data
