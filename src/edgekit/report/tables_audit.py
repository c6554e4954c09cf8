"""What an audit of a data set found, as tables and sentences: `data info` and the report of a build.

In: an `Audit`. Out: parts of a document.
"""

from edgekit.data.audit import Audit
from edgekit.report.document import Bullets, Column, Part, Row, Table
from edgekit.report.tables import count

_UNREADABLE_NAMED = 20


def audit_parts(found: Audit) -> tuple[Part, ...]:
    """A row a split: images by class, groups, repeated files and pixels; of more than two classes, the images in a
    table of their own, a row a class. Then what else was found."""
    group, wide = found.info.task.group, len(found.info.task.labels) > 2
    headings = ("images",) if wide else tuple(next(iter(found.counts.values())))
    rows: list[Row] = []
    for split, by_class in found.counts.items():
        images = (sum(by_class.values()),) if wide else tuple(by_class.values())
        repeated = (found.byte_identical.within[split], found.pixel_identical.within[split])
        rows.append((split, *map(count, (*images, found.patients[split], *repeated))))
    titles = (*headings, f"{group}s", "equal files within", "equal pixels within")
    columns = (Column("split", "left"), *map(Column, titles))
    table = Table(f"Audit of {found.images:,} images, as the source splits them", columns, tuple(rows))
    by_class_too = (_images_by_class(found),) if wide else ()
    return table, *by_class_too, Bullets(tuple(_audit_facts(found)))


def _images_by_class(found: Audit) -> Table:
    """A row a class, a column a split."""
    rows: list[Row] = [
        (label, *(count(by_class[label]) for by_class in found.counts.values())) for label in found.info.task.labels
    ]
    return Table("Images of each class", (Column("class", "left"), *map(Column, found.counts)), tuple(rows))


def _audit_facts(found: Audit) -> list[str]:
    """Sizes, shared groups, equal images and unreadable files."""
    lines, labels = [], "both labels" if len(found.info.task.labels) == 2 else "several labels"
    if found.width and found.height:
        w, h = found.width, found.height
        wide = f"width {w.min} to {w.max} px (median {w.median:g})"
        lines.append(f"{wide}, height {h.min} to {h.max} (median {h.median:g})")
        lines.append("modes: " + ", ".join(f"{mode} {images:,}" for mode, images in found.modes.items()))
    lines += [
        f"{found.info.task.group} names in both {pair}: {shared}" for pair, shared in found.patients_shared.items()
    ]
    for what, same in (("files", found.byte_identical), ("pixels", found.pixel_identical)):
        lines += [f"images of equal {what} in both {pair}: {images}" for pair, images in same.across.items()]
        if same.two_labels:
            lines.append(f"groups of equal {what} that carry {labels}: {same.two_labels}")
    if found.pixel_identical.groups:
        lines.append(f"for example equal: {' = '.join(found.pixel_identical.groups[0])}")
    lines.append(f"unreadable: {len(found.unreadable)}")
    lines += list(found.unreadable.values())[:_UNREADABLE_NAMED]
    if len(found.unreadable) > _UNREADABLE_NAMED:
        lines.append(f"and {len(found.unreadable) - _UNREADABLE_NAMED} more unreadable: `data info --json` names all")
    return lines
