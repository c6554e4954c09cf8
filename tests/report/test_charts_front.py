"""Accuracy against a cost: the front, and what is said of it."""

from edgekit.report.charts_front import Spot, front, front_line

SPOTS = (
    Spot("large", 40.0, 0.98, 1),
    Spot("beaten", 42.0, 0.97, 0),
    Spot("small", 10.0, 0.94, 0),
    Spot("as good", 40.0, 0.98, 0),
)


def test_the_front_is_what_no_other_beats_at_no_more_cost() -> None:
    assert [one.name for one in front_line(SPOTS)] == ["small", "large"]


def test_the_figure_says_its_front_in_words_and_holds_every_model() -> None:
    drawn = front("AUC against flash", SPOTS, cost="flash", accuracy="AUC", rungs=("8 epochs", "in full"), limit=50.0)
    assert "The front, by rising cost: small: 0.940 at 10; large: 0.980 at 40." in drawn.alt
    assert drawn.data["front"] == ["small", "large"]
    assert len(drawn.data["spots"]) == 4
    assert drawn.svg.count(">limit<") == 1


def test_names_that_would_touch_are_left_out() -> None:
    near = [Spot(f"number {i}", 40 + i / 100, 0.9 + i / 100, 0) for i in range(4)] + [Spot("far", 10.0, 0.5, 0)]
    svg = front("", near, cost="flash", accuracy="AUC", rungs=("8 epochs",)).svg
    assert [f">number {i}<" in svg for i in range(4)] == [False, False, False, True]
    assert ">far<" in svg
