"""What people read of a comparison."""

from edgekit.report.pages.comparison import comparison_page, comparison_parts
from edgekit.report.render_html import html
from edgekit.report.render_markdown import parts_markdown
from edgekit.values.comparison import (
    CheckedCondition,
    ComparedSide,
    Comparison,
    Difference,
    McNemar,
    OperatorCount,
)  # fmt: skip
from terminal import printed

BETTER = Difference(
    "accuracy", "accuracy", "share", 0.9, 0.95, 0.05, 0.0556, (0.01, 0.09), 0.0123, "beyond"
)  # fmt: skip
APART = Difference("ms", "estimated ms", "ms", 24.6, 18.1, None, None, None, None, "estimated", "A: dio40; B: qio80")
LACKING = Difference("ram", "RAM, bytes", "bytes", 1234.0, None, None, None, None, None, "exact", "B does not tell")
FOUND = Comparison(
    ComparedSide("old.json", "evaluation", "ab" * 32, {"runtime": "tflm", "board": "real esp32"}),
    ComparedSide("new.json", "evaluation", "cd" * 32, {"runtime": "tflm"}),
    McNemar(400, 5, 25, 0.000325, "exact binomial"),
    (BETTER, APART, LACKING),
    (OperatorCount("CONV_2D", 4, 5),),
    ("Something to know.",),
    "Research demonstration.",
    (CheckedCondition("accuracy<0", "accuracy", False, 0.9, 0.95, 0.05),),
)


def test_the_terminal_shows_figures_test_operators_notes_and_conditions() -> None:
    text = printed(comparison_parts(FOUND), 140)
    for words in (
        "0.9000", "+0.0500 (+0.0100 to +0.0900)", "yes (p = 0.012)", "1,234", "CONV_2D", "- Something to know.",
        "A alone was right on 5, B alone on 25. McNemar's test (exact binomial): p = 0.000325.", "passes",
        "estimated ms: not compared (A: dio40; B: qio80).", "real esp32", "Research demonstration.",
    ):  # fmt: skip
        assert words in text, words
    assert "not tell" not in text
    assert all(len(line) <= 80 for line in printed(comparison_parts(FOUND), 80).splitlines())


def test_nothing_is_called_better_or_worse() -> None:
    text = parts_markdown(comparison_parts(FOUND))
    assert "**yes** (p = 0.012)" in text
    assert not {"better", "worse", "improved", "best"} & set(text.lower().split())


def test_the_page_holds_the_same_and_what_must_be_said() -> None:
    page = html(comparison_page(FOUND))
    assert "McNemar" in page
    assert page.count("Research demonstration.") == 1
