"""A page as Markdown: the same words and tables, each figure as its text alternative or as a link to its file.

In: a `Page`. Out: text, ended by a newline.
"""

from collections.abc import Iterable, Mapping

from edgekit.report.document import (
    SYNTHETIC,
    Bullets,
    Cell,
    Code,
    Column,
    Facts,
    Figure,
    Gallery,
    Highlights,
    Page,
    Part,
    Prose,
    Row,
    Section,
    Table,
    as_cell,
    slug,
)


def markdown(page: Page, figures: str = "") -> str:
    """The page as Markdown, ended by a newline.

    Args:
        figures: folder of the figures' SVG files that `write_all` writes, relative to the file; without it a figure is
            its text alternative.
    """
    names = {id(figure): name for name, figure in figure_files(page).items()} if figures else {}
    said = [text for text in (page.domain, SYNTHETIC if page.synthetic else "") if text]
    blocks = [f"# {page.title}", *(f"**{text}**" for text in said)]
    # a warning may hold strong words of its own, which do not nest
    blocks += [f"> {warning}" if "**" in warning else f"> **{warning}**" for warning in page.warnings]
    blocks += page.lead
    if page.highlights:
        blocks += _part_markdown(page.highlights, figures, names)
    for section in page.sections:
        blocks += _section_markdown(section, 2, " ".join(said), figures, names)
    return "\n\n".join([*blocks, *page.footer]) + "\n"


def parts_markdown(parts: Iterable[Part]) -> str:
    """Some parts on their own, for a file that has more than a page's text; no newline at the end."""
    return "\n\n".join(block for part in parts for block in _part_markdown(part, "", {}))


def _section_markdown(section: Section, level: int, said: str, figures: str, names: Mapping[int, str]) -> list[str]:
    blocks = [f"{'#' * level} {section.title}"]
    if section.results and said:
        blocks.append(f"*{said}*")
    for part in section.parts:
        blocks += _part_markdown(part, figures, names)
    for inner in section.sections:
        blocks += _section_markdown(inner, level + 1, said, figures, names)
    return blocks


def _part_markdown(part: Part, figures: str, names: Mapping[int, str]) -> list[str]:  # noqa: PLR0911 (one a kind)
    match part:
        case Prose(text):
            return [text]
        case Bullets(items):
            return ["\n".join(f"- {item}" for item in items)]
        case Code(text, language, caption):
            return [*([f"**{caption}**"] if caption else []), f"```{language}\n{text.rstrip()}\n```"]
        case Facts(items, caption):
            rows: tuple[Row, ...] = tuple((name, value) for name, value in items)
            return [
                *([f"**{caption}**"] if caption else []),
                markdown_table((Column("fact", "left"), Column("value", "left")), rows),
            ]
        case Highlights(items):
            return [markdown_table(tuple(Column(name) for name, _ in items), (tuple(cell for _, cell in items),))]
        case Table():
            return [f"**{part.caption}**", markdown_table(part.columns, part.rows), *part.notes]
        case Figure():
            shown = f"![{part.alt}]({figures}/{names[id(part)]})" if id(part) in names else part.alt
            return [f"**{part.caption}**", shown, *part.notes]
        case Gallery():
            return [f"**{part.caption}**", "\n".join(f"- {one.caption}" for one in part.pictures), *part.notes]


def markdown_table(columns: tuple[Column, ...], rows: tuple[Row, ...]) -> str:
    """A table in GitHub's Markdown. A column's group stands before its title, a cell's detail in brackets."""
    heads = [column.heading for column in columns]
    rules = ["---" if c.align == "left" else "---:" for c in columns]
    lines = [heads, rules]
    for row in rows:
        if len(row) == 1 < len(columns):
            lines.append([f"**{as_cell(row[0]).text}**", *[""] * (len(columns) - 1)])
        else:
            lines.append([_cell_markdown(as_cell(cell)) for cell in row])
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


def _cell_markdown(cell: Cell) -> str:
    text = f"**{cell.text}**" if cell.mark == "strong" else cell.text
    return f"{text} ({cell.detail})" if cell.detail else text


def figure_files(page: Page) -> dict[str, Figure]:
    """The page's figures by the names of their files, in order."""
    sections = [inner for section in page.sections for inner in (section, *section.sections)]
    found = [part for section in sections for part in section.parts if isinstance(part, Figure)]
    return {f"{number:02d}-{slug(figure.caption)}.svg": figure for number, figure in enumerate(found, 1)}
