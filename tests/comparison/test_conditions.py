"""What --fail-if takes, and when it holds."""

import pytest

from edgekit.comparison.conditions import Condition, ConditionError, checked, parse_conditions
from edgekit.values.comparison import ComparedSide, Comparison, Difference


def comparison(**differences: tuple[float, float] | str) -> Comparison:
    """Of quantities with their values in A and B, or the reason why they cannot be compared."""
    rows = tuple(
        Difference(name, name, "count", 1.0, None, None, None, None, None, "exact", values)
        if isinstance(values, str)
        else Difference(
            name, name, "count", *values, values[1] - values[0],
            (values[1] - values[0]) / values[0] if values[0] else None, None, None, "exact",
        )
        for name, values in differences.items()
    )  # fmt: skip
    side = ComparedSide("base.json", "evaluation", "", {})
    return Comparison(side, ComparedSide("new.json", "evaluation", "", {}), None, rows, (), ())


def holds(text: str, **differences: tuple[float, float] | str) -> bool:
    (condition,) = parse_conditions(text)
    return checked(condition, comparison(**differences)).holds


def test_conditions_are_read_with_their_signs_numbers_and_per_cent() -> None:
    assert parse_conditions("accuracy<-0.01, ram>+5%,recall:a, b>=.5") == (
        Condition("accuracy<-0.01", "accuracy", "<", -0.01, False),
        Condition("ram>+5%", "ram", ">", 5.0, True),
        Condition("recall:a, b>=.5", "recall:a, b", ">=", 0.5, False),
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no condition"), ("ram", "no condition"), ("ram>", "no condition"), ("ram>5%%", "no condition"),
        ("ram>5 flash>2", "no condition"), ("ram>nan", "no condition"), ("ram>1,", "behind the last comma"),
        ("speed>1", "no quantity 'speed'"), (">1", "no quantity ''"), ("ram:x>1", "no quantity 'ram:x'"),
        ("recall:>1", "no quantity 'recall:'"),
    ],
)  # fmt: skip
def test_what_is_no_condition_or_names_no_quantity_is_refused(text: str, says: str) -> None:
    with pytest.raises(ConditionError) as caught:
        parse_conditions(text)
    assert says in caught.value.message
    assert "quantity" not in says or "balanced_accuracy" in caught.value.hint


def test_a_difference_at_the_limit_itself_is_not_beyond_it_whatever_the_last_bit_of_a_double() -> None:
    assert 0.94 - 0.95 < -0.01
    assert not holds("accuracy<-0.01", accuracy=(0.95, 0.94))
    assert holds("accuracy<=-0.01", accuracy=(0.95, 0.94))
    assert holds("accuracy<-0.01", accuracy=(0.95, 0.9399))


def test_per_cent_is_of_a_and_more_than_nothing_is_infinitely_more() -> None:
    assert not holds("ram>5%", ram=(100, 105))
    assert holds("ram>5%", ram=(100, 106))
    assert not holds("ram<-5%", ram=(100, 106))
    assert holds("ram>5000%", ram=(0, 1))
    assert not holds("ram>=1%", ram=(0, 0))
    (condition,) = parse_conditions("ram>5%")
    assert checked(condition, comparison(ram=(0, 1))).value is None
    assert checked(condition, comparison(ram=(100, 106))).value == 6.0


def test_a_quantity_that_a_side_lacks_is_an_error_and_never_passes() -> None:
    with pytest.raises(ConditionError, match=r"neither base\.json nor new\.json tells flash") as caught:
        holds("flash>1", ram=(1, 2), ms="other board")
    assert caught.value.hint == "Both tell: ram."
    with pytest.raises(ConditionError, match=r"ms cannot be compared \(other board\)"):
        holds("ms>1", ms="other board")
