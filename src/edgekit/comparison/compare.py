"""How one model differs from another: `edgekit compare` in one call.

In: two files, each of which says something of a model. Out: a `Comparison`.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from edgekit.comparison.conditions import Condition, checked
from edgekit.comparison.figures import compared_figures
from edgekit.comparison.quantities import COSTS, ERRORS, FIGURES, Quantity
from edgekit.comparison.side import Side, read_side
from edgekit.compile.options import CompileOptions
from edgekit.errors import EdgekitError
from edgekit.values.comparison import ComparedSide, Comparison, Difference, McNemar, Noise, OperatorCount
from edgekit.values.evaluation import EvalReport, ValuesReport


def compare(
    a: str | Path, b: str | Path, *, data: str | None = None, options: CompileOptions | None = None,
    conditions: Sequence[Condition] = (),
) -> Comparison:  # fmt: skip
    """How B differs from A.

    Args:
        a, b: as `read_side` takes them.
        data: what two .tflite files are evaluated on.
        options: what a .tflite is compiled for.
        conditions: on the differences, as `conditions.parse_conditions` reads them.

    Raises:
        EdgekitError: as `read_side`, and models of different tasks.
        ConditionError: a condition on a quantity that a side does not tell, or that cannot be compared.
    """
    sides = read_side(Path(a), data, options), read_side(Path(b), data, options)
    _check_same_task(*sides)
    first, second = (ComparedSide(one.path, one.kind, one.model_sha256, one.facts) for one in sides)
    scored, test, notes = _scores(*sides)
    costs = [_cost(name, quantity, *sides) for name, quantity in COSTS.items()]
    differences = (*scored, *(one for one in costs if one is not None))
    found = Comparison(
        first, second, test, differences, _operators(*sides),
        (*notes, *_apart(*sides), *sides[0].notes, *(note for note in sides[1].notes if note not in sides[0].notes)),
    )  # fmt: skip
    domain = next((one.scored.task.domain for one in sides if isinstance(one.scored, EvalReport)), "")
    found = replace(found, domain=domain)
    return replace(found, conditions=tuple(checked(condition, found) for condition in conditions))


def _check_same_task(a: Side, b: Side) -> None:
    if a.scored and b.scored and isinstance(a.scored, EvalReport) != isinstance(b.scored, EvalReport):
        tells, other = (a, b) if isinstance(a.scored, EvalReport) else (b, a)
        raise EdgekitError(
            f"{tells.path} tells classes apart, and the outputs of {other.path} are no classes.",
            "Compare models that were asked the same.",
        )
    names = [{label.casefold() for label in one.labels} for one in (a, b)]
    if all(names) and names[0] != names[1]:
        raise EdgekitError(
            f"{a.path} tells {', '.join(a.labels)} apart, {b.path} {', '.join(b.labels)}: these are different tasks.",
            "Compare models of the same classes.",
        )


def _scores(a: Side, b: Side) -> tuple[list[Difference], McNemar | None, list[str]]:
    """What the two differ by on images, with the test where both saw the same, and what must be said."""
    if isinstance(a.scored, EvalReport) and isinstance(b.scored, EvalReport):
        return compared_figures(a, b, a.scored, b.scored)
    if isinstance(a.scored, ValuesReport) and isinstance(b.scored, ValuesReport):
        return [_untested(name, quantity, a.scored, b.scored) for name, quantity in ERRORS.items()], None, []
    if one := a.scored or b.scored:
        silent = b if a.scored else a
        says = (
            f"{silent.path} says nothing of how good its model is: quality is not compared. Two .tflite: --data DATA."
        )
        known = FIGURES if isinstance(one, EvalReport) else ERRORS
        rows = [_one_sided(name, quantity, a.scored, b.scored) for name, quantity in known.items()]
        return rows, None, [says]
    return [], None, []


def _cost(name: str, quantity: Quantity, a: Side, b: Side) -> Difference | None:
    """None where neither side tells."""
    one, other = a.costs.get(name), b.costs.get(name)
    if one is None and other is None:
        return None
    values = (one.value if one else None, other.value if other else None)
    noise: Noise = "estimated" if quantity.estimated else "untested" if name == "board_ms" else "exact"
    if one is None or other is None:
        why = f"{'A' if one is None else 'B'} does not tell"
    elif one.basis != other.basis:
        why = f"A: {one.basis or 'compiled'}; B: {other.basis or 'compiled'}"
    else:
        difference = other.value - one.value
        relative = difference / one.value if one.value else None
        return Difference(name, quantity.title, quantity.unit, *values, difference, relative, None, None, noise)
    return Difference(name, quantity.title, quantity.unit, *values, None, None, None, None, noise, why)


def _untested(name: str, quantity: Quantity, one: ValuesReport, other: ValuesReport) -> Difference:
    a, b = float(getattr(one, name)), float(getattr(other, name))
    if math.isnan(a) or math.isnan(b):
        return _one_sided(name, quantity, one, other)
    relative = (b - a) / a if a else None
    return Difference(name, quantity.title, quantity.unit, a, b, b - a, relative, None, None, "untested")


def _one_sided(
    name: str, quantity: Quantity, one: EvalReport | ValuesReport | None, other: EvalReport | ValuesReport | None
) -> Difference:
    a, b = (None if report is None else float(getattr(report, name)) for report in (one, other))
    silent = "A" if a is None or math.isnan(a) else "B"
    return Difference(
        name, quantity.title, quantity.unit, a, b, None, None, None, None, "untested", f"{silent} does not tell"
    )


def _operators(a: Side, b: Side) -> tuple[OperatorCount, ...]:
    kind = next((kind for kind in ("file", "compiled") if kind in a.operators and kind in b.operators), None)
    if kind is None:
        return ()
    one, other = a.operators[kind], b.operators[kind]
    return tuple(
        OperatorCount(name, one[name], other[name]) for name in sorted({*one, *other}) if one[name] != other[name]
    )


def _apart(a: Side, b: Side) -> list[str]:
    """What the two were made or run under that is not the same, and what follows."""
    follows = {
        "board": "times of different boards are not compared, and an emulated one's are none of a chip",
        "flash mode": "estimated ms of different flash modes are not compared",
        "target": "flash, RAM and ms are of different programs, whatever the models",
        "optimize": "flash, RAM and ms are of different programs, whatever the models",
        "weights": "flash, RAM and ms are of different programs, whatever the models",
    }
    return [
        f"Different {name}, {a.facts[name]} and {b.facts[name]}: {says}."
        for name, says in follows.items()
        if name in a.facts and name in b.facts and a.facts[name] != b.facts[name]
    ]
