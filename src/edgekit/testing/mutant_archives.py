"""Damaged archives, as `mutants` damages other files."""

import io
import random
import struct
import zipfile

from edgekit.testing.mutants import NUMBERS, cut, damaged


def zipped(rng: random.Random, content: bytes) -> bytes:
    """Fields of the members' headers and of the end record are changed, or a member's content; .npz among them."""
    heads = [at for mark in (b"PK\1\2", b"PK\3\4", b"PK\5\6") for at in _all(content, mark)]
    found = bytearray(content)
    for _ in range(rng.randint(1, 3)):
        if rng.random() < 0.7:
            at = rng.choice(heads) + rng.randrange(4, 46)
            kind = rng.choice("BHI")
            number = rng.choice([*NUMBERS, 9, 12, 14, 93, 99]) % (1 << 8 * struct.calcsize(kind))
            if at + struct.calcsize(kind) <= len(found):
                struct.pack_into(f"<{kind}", found, at, number)
        else:
            found = bytearray(damaged(rng, bytes(found)))
    return cut(rng, bytes(found))


def npz(rng: random.Random, content: bytes) -> bytes:
    """A member's .npy header or data are changed, or the archive, or how members are compressed."""
    method = rng.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
    packed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(packed, "w", method) as new:
        names = old.namelist()
        spoilt, lost = rng.choice(names), rng.choice(names) if rng.random() < 0.1 else None
        for name in names:
            data = old.read(name)
            new.writestr(
                rng.choice(names) if name == lost else name,
                _npy(rng, data) if name == spoilt and rng.random() < 0.6 else data,
            )
    return zipped(rng, packed.getvalue()) if rng.random() < 0.6 else packed.getvalue()


def _npy(rng: random.Random, data: bytes) -> bytes:
    (length,) = struct.unpack_from("<H", data, 8)
    header = data[10 : 10 + length].decode("latin1")
    for old, new in rng.sample(
        [
            ("u1", "O"), ("u1", "f8"), ("u1", "c16"), ("u1", "U9"), ("u1", "M8[D]"), ("False", "True"), ("(", "(-1, "),
            ("f4", "O"), ("f4", "i8"), ("f4", "c8"), ("f4", "U1"),
            ("(", "(99999999999, "), (")", ", 0)"), ("{", ""), ("shape", "shade"), ("descr", "("), ("'", ""),
            ("i8", "f2"), ("i8", "b1"), ("i8", "i1"), ("|", "<"), (",", "," * 50), ("(", "(" * 300),
        ],
        3,
    ):  # fmt: skip
        header = header.replace(old, new, 1)
    text = header.rstrip().ljust(length - 1).encode("latin1") + b"\n"
    head = data[:8] + struct.pack("<H", len(text))
    return (head if rng.random() < 0.9 else damaged(rng, head)) + text + cut(rng, data[10 + length :])


def _all(content: bytes, mark: bytes) -> list[int]:
    found, at = [], content.find(mark)
    while at >= 0:
        found.append(at)
        at = content.find(mark, at + 1)
    return found
