"""Markdown: a text of a page is a text there, whatever a file was called."""

import pytest

from edgekit.report.document import Bullets, Cell, Code, Column, Facts, Page, Part, Prose, Section, Table
from edgekit.report.render_markdown import markdown, parts_markdown

EVIL = "<img src=x onerror=alert(1)>\x1b[2J</td>"
SHOWN = r"&lt;img src=x onerror=alert(1)>\u001b[2J&lt;/td>"


@pytest.mark.parametrize(
    "part",
    [
        Prose(EVIL), Bullets((EVIL,)), Facts(((EVIL, EVIL),)), Facts((("name", Cell("", EVIL)),)),
        Table(EVIL, (Column(EVIL, "left"), Column("n")), ((EVIL, "1"), (EVIL,)), (EVIL,)), Code("", caption=EVIL),
    ],
)  # fmt: skip
def test_no_text_of_a_part_is_a_tag_or_a_control_code(part: Part) -> None:
    text = parts_markdown([part])
    assert SHOWN in text
    assert "<img" not in text
    assert "\x1b" not in text


def test_no_text_of_a_page_is_a_tag_or_a_control_code() -> None:
    page = Page(EVIL, (Section(EVIL, results=True),), (EVIL,), (EVIL,), footer=(EVIL,))
    text = markdown(page)
    assert text.count(SHOWN) == 5
    assert "<img" not in text
    assert "\x1b" not in text


def test_code_stays_as_it_is_and_does_not_end_early() -> None:
    assert parts_markdown([Prose("p < 0.05 and a<1, `<b>`")]) == "p < 0.05 and a<1, `<b>`"
    assert parts_markdown([Code("cat <file\n```\n<b>")]) == "````sh\ncat <file\n```\n<b>\n````"
    assert parts_markdown([Code("cat <file")]) == "```sh\ncat <file\n```"
