"""A page in its three forms: whole, escaped, the same every time, and the same in each."""

import dataclasses
import itertools
import json
import re
import tomllib
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

import specimen
from dom import Node, parse, table_texts
from edgekit.errors import EdgekitError
from edgekit.report import document, render
from edgekit.report.document import (
    Cell,
    Column,
    Figure,
    Gallery,
    Highlights,
    Page,
    Prose,
    Section,
    Table,
    picture,
    synthetic_says,
)
from edgekit.report.render_html import html, standalone
from edgekit.report.render_json import page_json
from edgekit.report.render_markdown import markdown
from specimen import DOMAIN

HOSTILE = "<script>alert(1)</script>\"'&amp;|"


@pytest.fixture(scope="module")
def page() -> Page:
    return specimen.page()


@pytest.fixture(scope="module")
def tree(page: Page) -> Node:
    return parse(html(page))


def every(page: Page) -> list[document.Part]:
    return [part for one in page.sections for inner in (one, *one.sections) for part in inner.parts]


def test_every_tag_is_closed_and_every_anchor_leads_somewhere(tree: Node) -> None:
    nodes = tree.all()
    ids = [node.attributes["id"] for node in nodes if "id" in node.attributes]
    assert len(ids) == len(set(ids))
    named = [node.attributes["aria-labelledby"] for node in nodes if "aria-labelledby" in node.attributes]
    targets = [node.attributes["href"][1:] for node in tree.all("a")]
    assert len(targets) > 5
    assert {*named, *targets} <= set(ids)


def test_nothing_comes_from_a_network_and_nothing_runs(page: Page, tree: Node) -> None:
    assert not tree.all("script", "iframe", "object", "form")
    for node in tree.all():
        assert not [name for name in node.attributes if name.startswith("on")]
        for name in ("src", "href"):
            assert node.attributes.get(name, "#").startswith(("#", "data:")), node
    (style,) = tree.all("style")
    assert "url(" not in style.text
    assert "@import" not in style.text
    assert html(page).count("http") == html(page).count('xmlns="http://www.w3.org/2000/svg"') + html(page).count(
        "http-equiv"
    )


def test_headings_are_in_order_and_tables_say_what_heads_what(tree: Node) -> None:
    levels = [int(node.tag[1]) for node in tree.all("h1", "h2", "h3", "h4")]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    assert tree.all("table")
    for table in tree.all("table"):
        assert table.all("caption")[0].words()
        assert all(cell.attributes.get("scope") for cell in table.all("th"))
        for row in table.all("tbody")[0].all("tr"):
            assert row.all("th", "td")[0].tag == "th"


def test_every_figure_and_picture_has_a_text_alternative(page: Page, tree: Node) -> None:
    figures = [part for part in every(page) if isinstance(part, Figure)]
    drawn = tree.all("svg")
    assert [svg.attributes["aria-label"] for svg in drawn] == [figure.alt for figure in figures]
    assert all(svg.attributes["role"] == "img" for svg in drawn)
    assert all(len(figure.alt) > 40 and re.search(r"\d", figure.alt) for figure in figures)
    assert tree.all("img")
    assert all(image.attributes["alt"] for image in tree.all("img"))


@pytest.mark.parametrize("synthetic", [True, False])
def test_what_its_domain_must_say_and_that_it_is_synthetic_is_said_once_before_any_figure(synthetic: bool) -> None:
    page = specimen.page(synthetic)
    tree = parse(html(page))
    for text in (tree.all("body")[0].words(), markdown(page)):
        assert text.count(DOMAIN) == 1
        assert text.count(synthetic_says(DOMAIN)) == synthetic
    banner = tree.all("header")[0].words()
    assert banner.startswith(DOMAIN)
    assert (synthetic_says(DOMAIN) in banner) == synthetic
    assert markdown(page).index(DOMAIN) < markdown(page).index("## ")
    assert (page_json(page)["disclaimer"], page_json(page)["synthetic"]) == (DOMAIN, synthetic)


def test_a_page_of_no_domain_says_nothing_of_medicine_and_leaves_no_empty_banner() -> None:
    page = dataclasses.replace(specimen.page(synthetic=False), domain="")
    tree = parse(html(page))
    assert not [node for node in tree.all("p") if node.attributes.get("class") == "banner"]
    assert "medical" not in html(page) + markdown(page) + json.dumps(page_json(page))
    assert "****" not in markdown(page)


def test_warnings_are_the_first_thing_that_is_said(page: Page, tree: Node) -> None:
    words = tree.all("body")[0].words()
    assert words.index(page.warnings[0]) < words.index("Every system") < words.index("Contents")
    assert markdown(page).index(page.warnings[0]) < markdown(page).index("Every system")


def hostile() -> Page:
    column = (Column(HOSTILE, group=HOSTILE), Column("b"))
    table = Table(HOSTILE, column, ((HOSTILE,), (Cell(HOSTILE, HOSTILE), None)), (HOSTILE,))
    film = Gallery(HOSTILE, (picture(np.zeros((4, 4, 1), np.uint8), HOSTILE, HOSTILE),), (HOSTILE,))
    figures = [
        specimen.charts.curves(HOSTILE, [specimen.charts.Series(HOSTILE, (1, 2), (0.1, 0.2))], x=HOSTILE, y=HOSTILE),
        specimen.charts.dots(HOSTILE, [specimen.charts.Dot(HOSTILE, 0.5)], beside=HOSTILE, x=HOSTILE),
    ]
    facts = document.Facts(((HOSTILE, HOSTILE),), HOSTILE)
    code = document.Code(HOSTILE, caption=HOSTILE)
    section = Section(HOSTILE, (table, film, *figures, facts, code, Prose(HOSTILE)), results=True, folded=True)
    shown = Highlights(((HOSTILE, Cell(HOSTILE, HOSTILE)),))
    return Page(HOSTILE, (section, section), (HOSTILE,), (HOSTILE,), highlights=shown, footer=(HOSTILE,))


def test_hostile_names_are_text_and_nothing_else() -> None:
    tree = parse(html(hostile()))
    assert not tree.all("script")
    assert tree.all("h1")[0].text == HOSTILE
    assert tree.all("pre")[0].text == HOSTILE
    assert tree.all("img")[0].attributes["alt"] == HOSTILE
    assert "".join(node.text for node in tree.all("text")).count(HOSTILE) == 2 * 5
    ids = [node.attributes["id"] for node in tree.all() if "id" in node.attributes]
    assert len(ids) == len(set(ids))
    rows = [line for line in markdown(hostile()).splitlines() if line.startswith("|")]
    assert len({len(re.findall(r"(?<!\\)\|", row)) for row in rows if "fact" not in row and "b" in row}) == 1


def test_code_and_strong_words_are_marked_and_other_stars_are_not() -> None:
    page = Page("t", (Section("s", (Prose("run `a <b>` **now** or * never *"),)),))
    assert "<p>run <code>a &lt;b&gt;</code> <strong>now</strong> or * never *</p>" in html(page)


def test_html_markdown_and_json_hold_the_same_tables(page: Page, tree: Node) -> None:
    tables = [part for part in every(page) if isinstance(part, Table)]
    found = [part for part in walk(page_json(page)) if part.get("kind") == "table"]
    assert len(tables) == len(tree.all("table")) == len(found) == 1
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table_lines(markdown(page), tables[0])]
    for shown, line, plain in zip(table_texts(tree.all("table")[0]), lines, found[0]["rows"], strict=True):
        if len(shown) == 1:
            assert line[0] == f"**{shown[0][0]}**"
            assert plain == [shown[0][0]]
            continue
        for (text, small), written, value in zip(shown, line, plain, strict=True):
            assert written.replace("**", "") == (f"{text} ({small})" if small else text)
            if text == "–":
                assert value is None
            elif small:
                assert (value["text"], value["detail"]) == (text, small)
            else:
                assert value == text or f"{100 * value:.2f}" == text


def table_lines(text: str, table: Table) -> list[str]:
    lines = text[text.index(f"**{table.caption}**") :].split("\n\n")[1].splitlines()
    return lines[2:]


def walk(value: object) -> list[dict[str, object]]:
    if isinstance(value, dict):
        return [value, *(inner for item in value.values() for inner in walk(item))]
    return [inner for item in value for inner in walk(item)] if isinstance(value, list) else []


def test_the_highlights_and_every_alternative_are_in_all_three(page: Page) -> None:
    written, plain = markdown(page), json.dumps(page_json(page), ensure_ascii=False)
    assert page.highlights is not None
    for name, cell in page.highlights.items:
        assert f"{cell.text} ({cell.detail})" in written
        assert page_json(page)["highlights"]["items"][name]["value"] == cell.value
    for part in every(page):
        if isinstance(part, Figure):
            assert part.alt in written
            assert part.alt in plain
    assert json.loads(json.dumps(page_json(page), allow_nan=False)) == page_json(page)


def test_the_same_page_is_the_same_bytes() -> None:
    assert html(specimen.page()) == html(specimen.page())
    assert markdown(specimen.page()) == markdown(specimen.page())


def test_a_page_with_two_full_galleries_stays_under_two_megabytes() -> None:
    rng = np.random.default_rng(0)
    for channels in (1, 3):
        noise = [rng.integers(0, 256, (224, 224, channels)).astype(np.uint8) for _ in range(24)]  # nothing is larger
        gallery = Gallery("films", tuple(picture(film, "film", "film") for film in noise), ())
        sections = (*specimen.page().sections, Section("films", (gallery,) * 2))
        assert len(html(dataclasses.replace(specimen.page(), sections=sections)).encode()) < 2_000_000


def test_a_report_is_written_by_its_extension(page: Page, tmp_path: Path) -> None:
    for name in ("a.html", "a.md", "a.json"):
        render.write(page, tmp_path / name, {"n": 624})
    assert (tmp_path / "a.html").read_text() == html(page)
    assert (tmp_path / "a.md").read_text() == markdown(page)
    assert json.loads((tmp_path / "a.json").read_text()) == {"n": 624, "page": page_json(page)}
    with pytest.raises(EdgekitError, match=r"a\.pdf") as caught:
        render.write(page, tmp_path / "a.pdf")
    assert ".html" in caught.value.hint


def test_markdown_links_to_figures_that_stand_beside_it(page: Page, tmp_path: Path) -> None:
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures" / "99-of-a-report-before.svg").write_text("<svg/>")
    render.write_all(page, tmp_path)
    links = re.findall(r"\]\((figures/[^)]+)\)", (tmp_path / "report.md").read_text())
    assert len(links) == sum(isinstance(part, Figure) for part in every(page)) == 17
    for link in links:
        root = ET.fromstring((tmp_path / link).read_text())
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert "prefers-color-scheme" in next(iter(root)).text
    assert {f"figures/{path.name}" for path in (tmp_path / "figures").iterdir()} == set(links)
    assert {path.name for path in tmp_path.iterdir()} == {"report.html", "report.md", "report.json", "figures"}


def test_a_figure_alone_is_a_whole_svg_file(page: Page) -> None:
    for part in every(page):
        if isinstance(part, Figure):
            ET.fromstring(standalone(part))


def test_a_row_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="row of 2 cells"):
        Table("t", (Column("a"), Column("b"), Column("c")), (("1", "2"),))


def test_the_templates_travel_with_the_package() -> None:
    root = Path(__file__).parents[2]
    patterns = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"][
        "edgekit.report"
    ]
    package = root / "src/edgekit/report"
    sent = {path for pattern in patterns for path in package.glob(pattern)}
    assert {path.name for path in sent} >= {"page.html", "page.css", "figure.css"}
    assert {path for path in package.rglob("*") if path.is_file() and path.suffix not in (".py", ".pyc")} <= sent
