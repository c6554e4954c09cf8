"""How two models differ, for the terminal, Markdown and a page.

In: a `Comparison`. Out: parts, or a `Page`.
"""

import math

from edgekit.report.document import Bullets, Cell, Column, Page, Part, Prose, Row, Section, Table
from edgekit.values.comparison import CheckedCondition, Comparison, Difference, McNemar

_NOISE = {"beyond": "yes", "within": "no", "untested": "untested", "exact": "exact", "estimated": "estimated"}
_READ = (
    "Beyond noise: yes, where McNemar's p is below 0.05, or, without one, the 95 % interval of the difference excludes "
    "0; each by itself, however many are looked at. Exact: chance has no part in it.",
)


def comparison_page(found: Comparison) -> Page:
    """The same as a page of its own."""
    section = Section("How B differs from A", _parts(found), results=True)
    return Page("Comparison", (section,), (f"A: {found.a.path}; B: {found.b.path}",), domain=found.domain)


def comparison_parts(found: Comparison) -> tuple[Part, ...]:
    """What was compared, the differences, the test, operators, notes, conditions; what their domain must say."""
    return *_parts(found), *([Prose(found.domain)] if found.domain else [])


def _parts(found: Comparison) -> tuple[Part, ...]:
    operators = [(one.operator, f"{one.a}", f"{one.b}") for one in found.operators]
    return (
        _sides(found),
        _differences(found.differences),
        *([Prose(_test(found.mcnemar))] if found.mcnemar else []),
        *([Table("Operators", _columns("operator", "A", "B"), tuple(operators))] if operators else []),
        *([Bullets(found.notes)] if found.notes else []),
        *([_conditions(found.conditions)] if found.conditions else []),
    )


def failed_line(one: CheckedCondition, found: Comparison) -> str:
    """A condition that holds, with its figures."""
    unit = next(each.unit for each in found.differences if each.name == one.name)
    return f"{one.condition}: {_value(unit, one.a)} in A, {_value(unit, one.b)} in B, {_compared(one, unit)}"


def _columns(*titles: str) -> tuple[Column, ...]:
    return (Column(titles[0], "left"), *map(Column, titles[1:]))


def _sides(found: Comparison) -> Table:
    names = dict.fromkeys([*found.a.facts, *found.b.facts])
    rows: list[Row] = [("file", found.a.path, found.b.path), ("what it is", found.a.kind, found.b.kind)]
    rows += [("model, SHA-256", *(one.model_sha256[:12] or None for one in (found.a, found.b)))]
    rows += [(name, found.a.facts.get(name), found.b.facts.get(name)) for name in names]
    return Table("Compared", (Column("", "left"), Column("A", "left"), Column("B", "left")), tuple(rows))


def _differences(differences: tuple[Difference, ...]) -> Table:
    columns = _columns("quantity", "A", "B", "B - A", "relative")
    apart = tuple(
        f"{one.title}: not compared ({one.why})." for one in differences if one.why and "not tell" not in one.why
    )
    tested = any(one.noise in ("beyond", "within") for one in differences)
    notes = (*apart, *(_READ if tested else ()))
    return Table("Differences", (*columns, Column("beyond noise", "left")), tuple(map(_row, differences)), notes)


def _row(one: Difference) -> Row:
    values = (None if value is None else Cell(_value(one.unit, value), value=value) for value in (one.a, one.b))
    if one.difference is None:
        return one.title, *values, None, None, None
    bounds = "" if one.interval is None else " to ".join(_signed(one.unit, bound) for bound in one.interval)
    relative = None if one.relative is None else Cell(f"{100 * one.relative:+.1f} %", value=one.relative)
    p = "" if one.p is None else f"p = {one.p:.3f}" if one.p >= 0.001 else "p < 0.001"
    noise = Cell(_NOISE[one.noise], p, "strong" if one.noise == "beyond" else "")
    return one.title, *values, Cell(_signed(one.unit, one.difference), bounds, value=one.difference), relative, noise


def _value(unit: str, value: float) -> str:
    return "-" if math.isnan(value) else format(value, _spec(unit))


def _signed(unit: str, value: float) -> str:
    return format(value, "+" + _spec(unit))


def _spec(unit: str) -> str:
    return {"share": ".4f", "ms": ",.2f", "value": ".6g"}.get(unit, ",.0f")


def _test(test: McNemar) -> str:
    return (
        f"Of {test.images:,} images that both saw, A alone was right on {test.only_a:,}, B alone on {test.only_b:,}. "
        f"McNemar's test ({test.method}): p = {test.p:.4g}."
    )


def _conditions(conditions: tuple[CheckedCondition, ...]) -> Table:
    rows = []
    for one in conditions:
        percent = "%" if one.condition.endswith("%") else ""
        value = Cell("∞" if one.value is None else f"{one.value:+.6g}{percent}", value=one.value)
        rows.append((one.condition, value, Cell("fails", mark="strong") if one.holds else "passes"))
    return Table("Fail if", _columns("condition", "B - A", "outcome"), tuple(rows))


def _compared(one: CheckedCondition, unit: str) -> str:
    if one.condition.endswith("%"):
        return "infinitely more" if one.value is None else f"{one.value:+.4g} %"
    return _signed(unit, one.value or 0.0)
