"""How C text is put together, and the helpers in C (the files under compile/c) that kernels name.

Activations in the arena are unsigned bytes u = q + 128, because Xtensa loads bytes without a sign only. The caller's
input and output are int8; seen as unsigned bytes they are u ^ 0x80. Activations of 16 bits are int16 everywhere.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

from edgekit.compile.ir import Requantization, Tensor

if TYPE_CHECKING:
    from jinja2 import Environment

_ELEMENT_BYTES = {
    "unsigned char": 1, "int8_t": 1, "uint8_t": 1, "int16_t": 2, "uint16_t": 2, "int32_t": 4, "uint32_t": 4,
    "int64_t": 8, "channel": 24, "channel_slope": 16, "exact_scale": 12, "staircase": 28, "finishing": 28,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Constant:
    """A constant array of the generated C.

    Attributes:
        c_type: of an element, one of `_ELEMENT_BYTES`.
        values: a number for each element, or the members of a struct.
        in_ram: whether a board is to copy it there at boot.
    """

    c_type: str
    name: str
    values: Sequence[int | tuple[int, ...]]
    in_ram: bool = False

    @property
    def size_bytes(self) -> int:
        """Bytes of flash."""
        return len(self.values) * _ELEMENT_BYTES[self.c_type]

    def definition(self, linkage: str = "static ") -> str:
        """The C that defines it, 20 elements a line."""
        texts = [_literal(value) for value in self.values]
        lines = [", ".join(texts[i : i + 20]) for i in range(0, len(texts), 20)]
        where = "EDGEKIT_IN_RAM " if self.in_ram else ""
        return f"{linkage}{where}const {self.c_type} {self.name}[{len(texts)}] = {{\n  " + ",\n  ".join(lines) + "};\n"


def _literal(value: int | tuple[int, ...]) -> str:
    if not isinstance(value, int):
        return f"{{{', '.join(map(_literal, value))}}}"
    return "INT32_MIN" if value == -(2**31) else str(value)  # C reads -2147483648 as minus a number that no int holds


def c_string(text: str) -> str:
    """Every byte that is not plain ASCII as an octal escape, the question mark of trigraphs among them."""
    escaped = "".join(
        chr(byte) if 32 <= byte < 127 and chr(byte) not in '"\\?' else f"\\{byte:03o}" for byte in text.encode()
    )
    return f'"{escaped}"'


def float_literal(value: float) -> str:
    """C of a float32: nine digits bring it back exactly."""
    text = f"{value:.9g}"
    return f"{text}f" if "." in text or "e" in text else f"{text}.0f"


@dataclass(frozen=True, slots=True)
class Site:
    """Where an operator stands.

    Attributes:
        name: C identifier of its function, unique in the source.
        input_flips: for each input, 0x80 where it is the caller's memory, else 0.
        output_flip: likewise.
        has_scratch: True where the planner gave it scratch memory.
        output_row: bytes from one row of the output to the next.
        in_place: for each operand of a concatenation, True where it lies in the output already.
    """

    name: str
    input_flips: tuple[int, ...]
    output_flip: int
    has_scratch: bool
    output_row: int = 0
    in_place: tuple[bool, ...] = ()

    def read(self, expression: str, operand: int = 0) -> str:
        """The byte q + 128 of an input, given the C of the byte in memory."""
        return f"({expression} ^ 0x80)" if self.input_flips[operand] else expression

    def write(self, target: str, value: str) -> str:
        """A statement that stores a byte q + 128 (of type uint8_t) in the output."""
        return f"{target} = (uint8_t)({value} ^ 0x80);" if self.output_flip else f"{target} = {value};"

    def signature(self, extra: str = "") -> str:
        """C of the head of a row kernel; `extra` parameters begin with a comma."""
        return f"static EDGEKIT_APART void {self.name}_rows(const uint8_t *rows, uint8_t *output{extra})"


@dataclass(frozen=True, slots=True)
class Helper:
    """A file under compile/c whose macros the program fills in.

    Attributes:
        macros: what each stands for; NAME is the function's.
    """

    file: str
    macros: tuple[tuple[str, str], ...]

    @property
    def name(self) -> str:
        """Of its function in C."""
        return dict(self.macros)["NAME"]


@dataclass(frozen=True, slots=True)
class Kernel:
    """An operator's C: constants, function, and the helpers that they need: names of files under compile/c, or
    those with macros filled in.

    The function's parameters are its inputs, its output, then its scratch rows where it has any.
    """

    helpers: tuple[Helper | str, ...]
    constants: tuple[Constant, ...]
    function: str

    def with_constants_in_ram(self) -> "Kernel":
        """The same with a board's copy of its constants."""
        return replace(self, constants=tuple(replace(constant, in_ram=True) for constant in self.constants))


@cache
def _file(name: str) -> tuple[tuple[str, ...], str]:
    """The files that must come before one under compile/c, and its text without the lines that say so."""
    text = (resources.files("edgekit.compile") / "c" / f"{name}.h").read_text(encoding="utf-8")
    needed = tuple(re.findall(r'^#include "(\w+)\.h"\n', text, re.MULTILINE))
    return needed, re.sub(r'^#(pragma once|include ("\w+\.h"|<stdint\.h>))\n', "", text, flags=re.MULTILINE).strip(
        "\n"
    ) + "\n"


def filled(file: str, macros: Mapping[str, str]) -> str:
    """The text of a file under compile/c with its macros replaced."""
    _, text = _file(file)
    return re.sub(rf"\b({'|'.join(macros)})\b", lambda found: macros[found[0]], text) if macros else text


@cache
def _templates() -> "Environment":
    from jinja2 import Environment, PackageLoader, StrictUndefined

    loader = PackageLoader("edgekit.compile")
    return Environment(
        loader=loader, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )


def rendered(template: str, **values: object) -> str:
    """A file under compile/templates, filled in."""
    return _templates().get_template(template).render(values).lstrip("\n")  # what its macros leave


def needed_helpers(helpers: Iterable[Helper | str], macros: Mapping[str, str], given: Iterable[str] = ()) -> str:
    """The C of the helpers and of those that they need, each once and in order.

    Args:
        macros: for files whose macros are the same in the whole program.
        given: files whose text the program has already.
    """
    chosen: dict[Helper | str, str] = dict.fromkeys(given, "")

    def choose(helper: Helper | str) -> None:
        file = helper if isinstance(helper, str) else helper.file
        for other in _file(file)[0]:
            choose(other)
        if helper not in chosen:
            chosen[helper] = filled(file, macros if isinstance(helper, str) else dict(helper.macros))

    for helper in helpers:
        choose(helper)
    return "\n".join(text for text in chosen.values() if text)


def byte_range(requantization: Requantization) -> str:
    """Zero point and clamp as arguments of `to_byte` and `finish`, in units of u = q + 128."""
    return ", ".join(str(value + 128) for value in (requantization.zero_point, requantization.low, requantization.high))


def parameter(tensor: Tensor, name: str, *, written: bool = False) -> tuple[str, str]:
    """C of a kernel's parameter, and of the line at the kernel's begin that gives the elements their name, which is
    empty where they are bytes."""
    const = "" if written else "const "
    if tensor.type == "INT8":
        return f"{const}uint8_t *{name}", ""
    kind = f"{const}{tensor.type.lower()}_t *"
    return f"{const}uint8_t *{name}_bytes", f"{kind}{name} = ({kind})({const}void *){name}_bytes;\n"


def saturated(tensor: Tensor, value: str, requantization: Requantization) -> str:
    """C of the element that a requantised sum becomes, by the helper `saturation` names."""
    if tensor.type == "INT8":
        return f"to_byte({value}, {byte_range(requantization)})"
    return f"clamped16({value}, {requantization.low}, {requantization.high})"


def saturation(tensor: Tensor) -> str:
    """The helper of `saturated`; that of INT16 knows no zero point."""
    return "to_byte" if tensor.type == "INT8" else "clamped16"


def indent(text: str, spaces: int) -> str:
    """Every line moved to the right."""
    return "\n".join(" " * spaces + line if line else line for line in text.split("\n"))


def largest_divisor(count: int, most: int) -> int:
    """The most turns of a loop of `count` that can be written out in each turn of a shorter one."""
    return max(n for n in range(1, most + 1) if count % n == 0)


def round_up(count: int, unit: int) -> int:
    """The next multiple of `unit`."""
    return -(-count // unit) * unit
