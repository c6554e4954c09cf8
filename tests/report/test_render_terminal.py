"""Parts of a document on terminals of several widths, in pipes and in colour."""

import io
import re

import pytest
from rich.console import Console

import specimen
from edgekit.report.document import Bullets, Cell, Code, Column, Facts, Highlights, Prose, Section, Table
from edgekit.report.render_terminal import print_parts
from terminal import printed

TABLE = Table(
    "Layers",
    (Column("layer", "left"), Column("kernel", "left", optional=True), Column("live bytes", short="live")),
    (
        ("whole program",),
        ("CONV_2D", "direct, 2 x 4", Cell("6,736", "of 8,000", "strong", 6736)),
        ("ADD", "loop", None),
    ),
    ("live: while it runs.",),
)


def test_a_table_takes_a_box_where_there_is_room_and_drops_what_is_optional_where_there_is_little() -> None:
    assert "│ CONV_2D" in printed([TABLE], 60)
    assert "live bytes" in printed([TABLE], 60)
    bare = printed([TABLE], 48)
    assert "│" not in bare
    assert "direct, 2 x 4" in bare
    assert "live: live bytes." in bare
    narrow = printed([TABLE], 32)
    assert "direct" not in narrow
    for text in (printed([TABLE], 60), bare, narrow):
        assert all(words in text for words in ("Layers", "whole program", "6,736 (of 8,000)", "–", "while it runs"))


@pytest.mark.parametrize("width", [32, 48, 60, 80])
def test_no_line_of_a_table_is_wider_than_the_terminal_and_no_figure_is_cut(width: int) -> None:
    text = printed([TABLE], width)
    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text


def test_names_and_values_are_aligned_where_they_fit_and_whole_where_they_do_not() -> None:
    facts = Facts((("fingerprint", f"`{'ab' * 32}`"), ("licence and attribution", "unknown")), "Data")
    assert printed([facts], 100).splitlines()[0] == "Data"
    assert f"│ {'ab' * 32} │" in printed([facts], 100)
    assert f"fingerprint: {'ab' * 32}\n" in printed([facts], 80)


def test_hostile_names_are_text_and_nothing_else() -> None:
    hostile = "[red]x[/red] [link=http://a]y :smile:"
    parts = (
        Table(hostile, (Column(hostile), Column("b")), ((hostile,), (Cell(hostile, hostile), None)), (hostile,)),
        Facts(((hostile, hostile),), hostile), Code(hostile, caption=hostile), Prose(hostile), Bullets((hostile,)),
    )  # fmt: skip
    assert printed(parts, 200).count(hostile) == 6 + 3 + 2 + 1 + 1


def test_a_sentence_breaks_between_words_and_code_stays_whole() -> None:
    path = "/a/very/long/path/that/no/narrow/terminal/holds/student_int8.tflite"
    *sentence, last = printed([Prose("word " * 30), Code(path)], 40).splitlines()
    assert max(map(len, sentence)) <= 40
    assert {*" ".join(sentence).split()} == {"word"}
    assert last == path


def test_colours_go_to_terminals_that_want_them(monkeypatch: pytest.MonkeyPatch) -> None:
    def written(**options: bool) -> str:
        file = io.StringIO()
        print_parts([Prose("**bold** and `code`"), TABLE], Console(file=file, width=80, **options))
        return file.getvalue()

    assert "\x1b[1mbold" in written(force_terminal=True)
    assert "\x1b" not in written()
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[3" not in written(force_terminal=True).replace("\x1b[3m", "")  # italics are no colour


def test_every_kind_of_part_can_be_printed() -> None:
    page = specimen.page()
    assert page.highlights is not None
    sections: list[Section] = [inner for one in page.sections for inner in (one, *one.sections)]
    text = printed([page.highlights, *(part for one in sections for part in one.parts)], 200)
    assert isinstance(page.highlights, Highlights)
    for name, cell in page.highlights.items:
        assert name in text
        assert f"{cell.text} ({cell.detail})" in text


def test_where_intervals_have_no_room_they_are_left_out_whole_and_that_is_said() -> None:
    rows = tuple((name, *(Cell(f"0.{digits}", "0.111 to 0.999") for digits in (123, 456, 789))) for name in ("a", "b"))
    table = Table("Each class", tuple(map(Column, ("class", "recall", "precision", "F1"))), rows)
    wide, narrow = printed([table], 100), printed([table], 40)
    assert "0.123 (0.111 to 0.999)" in wide
    assert "a wider terminal" not in wide
    assert re.search(r"a +0\.123 +0\.456 +0\.789", narrow)
    assert "Without intervals for want of room: a wider terminal or --json gives them." in " ".join(narrow.split())
