"""Damaged files that are still made as their format wants it, so that they get past its first checks.

In: a random generator and a whole file. Out: another one. `EDGEKIT_FUZZ` says how many a test makes of each.
"""

import io
import os
import random
import struct
import zipfile
import zlib

COUNT = int(os.environ.get("EDGEKIT_FUZZ", "60"))
_NUMBERS = (0, 1, 2, 7, 8, 16, 127, 128, 255, 256, 65_535, 65_536, 2**31 - 1, 2**31, 2**32 - 1)


def png(rng: random.Random, content: bytes) -> bytes:
    """Chunks are changed, doubled, dropped or moved; their checksums are right."""
    chunks, at = [], 8
    while at < len(content):
        (length,) = struct.unpack_from(">I", content, at)
        chunks.append((content[at + 4 : at + 8], content[at + 8 : at + 8 + length]))
        at += 12 + length
    kinds = [kind for kind, _ in chunks] + [
        b"tRNS",
        b"PLTE",
        b"iCCP",
        b"zTXt",
        b"iTXt",
        b"eXIf",
        b"acTL",
        b"fcTL",
        b"fdAT",
    ]
    for _ in range(rng.randint(1, 3)):
        row = rng.randrange(len(chunks))
        kind, data = chunks[row]
        chunks[row : row + 1] = rng.choice(
            [
                [(kind, _bytes(rng, data))],
                [(kind, _bytes(rng, data))],
                [(rng.choice(kinds), data)],
                [(kind, data)] * 2,
                [],
            ]
        ) or ([] if len(chunks) > 1 else [(kind, data)])
        if rng.random() < 0.1:
            rng.shuffle(chunks)
    body = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
    return content[:8] + _cut(rng, body)


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
        changed = (marker, _bytes(rng, data))
        segments[row : row + 1] = rng.choice([[changed], [changed], [changed], [(other, data)], [changed, changed], []])
    body = b"".join(
        b"\xff" + bytes([marker]) + struct.pack(">H", (len(data) + 2) % 65_536) + data for marker, data in segments
    )
    return content[:2] + _cut(rng, body + (_bytes(rng, scan) if rng.random() < 0.5 else scan))


def zipped(rng: random.Random, content: bytes) -> bytes:
    """Fields of the members' headers and of the end record are changed, or a member's content; .npz among them."""
    heads = [at for mark in (b"PK\1\2", b"PK\3\4", b"PK\5\6") for at in _all(content, mark)]
    found = bytearray(content)
    for _ in range(rng.randint(1, 3)):
        if rng.random() < 0.7:
            at = rng.choice(heads) + rng.randrange(4, 46)
            kind = rng.choice("BHI")
            number = rng.choice([*_NUMBERS, 9, 12, 14, 93, 99]) % (1 << 8 * struct.calcsize(kind))
            if at + struct.calcsize(kind) <= len(found):
                struct.pack_into(f"<{kind}", found, at, number)
        else:
            found = bytearray(_bytes(rng, bytes(found)))
    return _cut(rng, bytes(found))


def npz(rng: random.Random, content: bytes) -> bytes:
    """A member's .npy header or data are changed, or the archive, or how members are compressed."""
    method = rng.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
    packed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(packed, "w", method) as new:
        spoilt = rng.choice(old.namelist())
        for name in old.namelist():
            data = old.read(name)
            new.writestr(name, _npy(rng, data) if name == spoilt and rng.random() < 0.6 else data)
    return zipped(rng, packed.getvalue()) if rng.random() < 0.6 else packed.getvalue()


def _npy(rng: random.Random, data: bytes) -> bytes:
    (length,) = struct.unpack_from("<H", data, 8)
    header = data[10 : 10 + length].decode("latin1")
    for old, new in rng.sample(
        [
            ("u1", "O"), ("u1", "f8"), ("u1", "c16"), ("u1", "U9"), ("u1", "M8[D]"), ("False", "True"), ("(", "(-1, "),
            ("(", "(99999999999, "), (")", ", 0)"), ("{", ""), ("shape", "shade"), ("descr", "("), ("'", ""),
            ("i8", "f2"), ("i8", "b1"), ("i8", "i1"), ("|", "<"), (",", "," * 50), ("(", "(" * 300),
        ],
        3,
    ):  # fmt: skip
        header = header.replace(old, new, 1)
    text = header.rstrip().ljust(length - 1).encode("latin1") + b"\n"
    head = data[:8] + struct.pack("<H", len(text))
    return (head if rng.random() < 0.9 else _bytes(rng, head)) + text + _cut(rng, data[10 + length :])


def _bytes(rng: random.Random, data: bytes) -> bytes:
    found = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        if not found:
            return rng.randbytes(rng.randrange(40))
        at = rng.randrange(len(found))
        match rng.randrange(4):
            case 0:
                found[at] = rng.choice([0, 1, 3, 127, 128, 255, rng.randrange(256)])
            case 1:
                found[at : at + 4] = struct.pack(">I", rng.choice(_NUMBERS))
            case 2:
                del found[at : at + rng.randint(1, 9)]
            case 3:
                found[at:at] = rng.randbytes(rng.randint(1, 9))
    return bytes(found)


def _cut(rng: random.Random, data: bytes) -> bytes:
    return data[: rng.randrange(len(data))] if data and rng.random() < 0.05 else data


def _all(content: bytes, mark: bytes) -> list[int]:
    found, at = [], content.find(mark)
    while at >= 0:
        found.append(at)
        at = content.find(mark, at + 1)
    return found
