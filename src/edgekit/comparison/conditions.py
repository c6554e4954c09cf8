"""What must not happen: `accuracy<-0.01, ram>+5%`.

In: the text of `--fail-if`. Out: `Condition`s, and whether each holds of a `Comparison`.

    conditions  =  condition {"," condition}
    condition   =  QUANTITY ("<" | "<=" | ">" | ">=") NUMBER ["%"]

NUMBER is compared with B - A in the quantity's own unit, or, with a per cent sign, in per cent of A. Figures are
shares: accuracy<-0.01 is a loss of more than one percentage point. A figure of one class is `recall:LABEL`.
"""

import math
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass

from edgekit.comparison.quantities import BY_CLASS, QUANTITIES
from edgekit.errors import EdgekitError
from edgekit.values.comparison import CheckedCondition, Comparison

_CONDITION = re.compile(r"\s*([^<>=]*?)\s*(<=|>=|<|>)\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(%?)\s*(?:,|$)")
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
_HINT = "Write QUANTITY<NUMBER or QUANTITY>NUMBER%, with commas between several: accuracy<-0.01, ram>+5%."


class ConditionError(EdgekitError):
    """A condition that cannot be read or checked: the command line exits with 2."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition; `text` as it was written."""

    text: str
    name: str
    sign: str
    limit: float
    percent: bool


def parse_conditions(text: str) -> tuple[Condition, ...]:
    """The conditions of a text.

    Raises:
        ConditionError: it is not as the grammar has it, or names an unknown quantity.
    """
    found: list[Condition] = []
    at = 0
    while at < len(text) or not found:
        one = _CONDITION.match(text, at)
        if one is None:
            raise ConditionError(f"--fail-if: {text[at:].strip()!r} is no condition.", _HINT)
        name, sign, number, percent = one.groups()
        _check_name(name)
        found.append(Condition(one.group().strip().rstrip(",").strip(), name, sign, float(number), bool(percent)))
        at = one.end()
    if text.rstrip().endswith(","):
        raise ConditionError(f"--fail-if: nothing stands behind the last comma of {text!r}.", _HINT)
    return tuple(found)


def _check_name(name: str) -> None:
    quantity, colon, label = name.partition(":")
    if quantity in QUANTITIES and (not colon or (quantity in BY_CLASS and label)):
        return
    raise ConditionError(
        f"--fail-if: there is no quantity {name!r}.",
        f"Known: {', '.join(QUANTITIES)}; of one class {', '.join(f'{name}:LABEL' for name in BY_CLASS)}.",
    )


def checked(condition: Condition, comparison: Comparison) -> CheckedCondition:
    """Whether a condition holds.

    Raises:
        ConditionError: a side does not tell the quantity, or the two cannot be compared by it.
    """
    one = next((one for one in comparison.differences if one.name == condition.name), None)
    if one is None:
        known = ", ".join(one.name for one in comparison.differences if one.difference is not None)
        raise ConditionError(
            f"--fail-if {condition.text}: neither {comparison.a.path} nor {comparison.b.path} tells {condition.name}.",
            f"Both tell: {known or 'nothing in common'}.",
        )
    if one.difference is None or one.a is None or one.b is None:
        raise ConditionError(
            f"--fail-if {condition.text}: {one.title} cannot be compared ({one.why}).",
            f"A is {comparison.a.path}, B is {comparison.b.path}.",
        )
    value = one.difference
    if condition.percent:
        relative = one.relative if one.relative is not None else math.copysign(math.inf, value) if value else 0.0
        value = 100 * relative
    value = round(value, 12)  # 0.94 - 0.95 is less than -0.01 by the last bit of a double
    holds = _COMPARE[condition.sign](value, condition.limit)
    return CheckedCondition(
        condition.text, condition.name, holds, one.a, one.b, value if math.isfinite(value) else None
    )
