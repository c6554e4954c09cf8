"""How two models differ, quantity by quantity, and which conditions on the differences hold."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from edgekit.values.limits import FloatOrNan

Method = Literal["exact binomial", "chi-squared with continuity correction"]
Noise = Literal["beyond", "within", "untested", "exact", "estimated"]
Unit = Literal["share", "count", "bytes", "ms", "value"]


@dataclass(frozen=True, slots=True)
class McNemar:
    """Whether two models err equally often on the same images.

    Attributes:
        images: pairs.
        only_a, only_b: images that A alone, B alone, answered rightly: the discordant pairs.
        p: two-sided.
    """

    images: int
    only_a: int
    only_b: int
    p: float
    method: Method


@dataclass(frozen=True, slots=True)
class Difference:
    """One quantity of both sides.

    Attributes:
        name: as `--fail-if` takes it, `recall:VIRUS`.
        title: for people.
        a, b: None where a side does not tell.
        difference: b - a; None where it cannot be said, for the reason in `why`.
        relative: the same as a share of a; None where a is zero.
        interval: 95 %, of the difference; None where there is none to be had.
        p: of McNemar's test, where it was made for this quantity.
        noise: whether the difference is more than chance explains: `beyond` or `within`, at 95 %, by p where there is
            one, else by the interval; `untested`; `exact`, of what chance has no part in; `estimated`.
    """

    name: str
    title: str
    unit: Unit
    a: FloatOrNan | None
    b: FloatOrNan | None
    difference: float | None
    relative: float | None
    interval: tuple[float, float] | None
    p: float | None
    noise: Noise
    why: str = ""


@dataclass(frozen=True, slots=True)
class ComparedSide:
    """One of the two.

    Attributes:
        path: as it was named.
        kind: what it is: a model, a card, an evaluation, a compilation, an inspection, a profile.
        model_sha256: of the .tflite.
        facts: under which conditions its figures hold, by their names for people: data, runtime, target.
    """

    path: str
    kind: str
    model_sha256: str
    facts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class OperatorCount:
    """How often an operator occurs in each."""

    operator: str
    a: int
    b: int


@dataclass(frozen=True, slots=True)
class CheckedCondition:
    """A condition of `--fail-if`, and whether it holds. `value` is what was compared, in per cent where it asks so;
    None where a relative difference is infinite."""

    condition: str
    name: str
    holds: bool
    a: float
    b: float
    value: float | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """How B differs from A.

    Attributes:
        mcnemar: of all pairs; None where the images of the two were not matched, for a reason in the notes.
        operators: those that are not as many in both.
        notes: what a reader must know, a sentence each.
        domain: what must be said of such results, as in `Task`.
    """

    a: ComparedSide
    b: ComparedSide
    mcnemar: McNemar | None
    differences: tuple[Difference, ...]
    operators: tuple[OperatorCount, ...]
    notes: tuple[str, ...]
    domain: str = ""
    conditions: tuple[CheckedCondition, ...] = ()
