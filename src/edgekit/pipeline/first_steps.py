"""From a data set, or from a .tflite of anyone, to the commands that come next, filled in.

In: a folder, a set's name, or a model's path or name. Out: `FirstSteps`.
"""

import shlex
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgekit.boards.board import ESP32
from edgekit.compile import compile_model
from edgekit.compile.options import FOR_BOARD
from edgekit.data.arrays import wanted_arrays
from edgekit.data.audit import Spread, audit
from edgekit.data.sources import is_known
from edgekit.errors import EdgekitError, in_a_line
from edgekit.pipeline.loading import card_beside, read_named, task_of
from edgekit.recipes.reading import recipe_named
from edgekit.tflite.quantize import span
from edgekit.values.codec import to_json
from edgekit.values.shipped import DEFAULT_MODEL, shipped_model

_RECIPES = ("digits", "shapes")  # of sets that have one of their own


@dataclass(frozen=True, slots=True)
class FirstSteps:
    """What was found, a line each; the commands that come next; a recipe for them, of a data set."""

    facts: tuple[tuple[str, str], ...]
    commands: tuple[str, ...]
    recipe: Mapping[str, Any] = field(default_factory=dict)


def first_steps(what: str, out: Path | None = None) -> FirstSteps:
    """Looks at a model, or else at a data set, and writes nothing.

    A model is a .tflite, a folder of build-model, or one that comes with edgekit by its name.

    Args:
        out: where the recipe will be written; the commands name it.

    Raises:
        EdgekitError: what is wrong with either.
    """
    path = _model(what)
    if path is None:
        return _of_data(what, out)
    if out is not None:
        raise EdgekitError("A model that is there needs no recipe.", "Leave out --out.")
    return _of_model(path, shlex.quote(what))


def _model(what: str) -> Path | None:
    """The file of the model that is named; None where that is data."""
    path = Path(what)
    if path.suffix == ".tflite":
        return path
    if is_known(what):
        return None
    built = path / DEFAULT_MODEL.name
    return (built if built.is_file() else None) if path.exists() else shipped_model(what)


def _of_model(path: Path, named: str) -> FirstSteps:
    model = read_named(path)
    card = card_beside(path, model)
    task = card.data.task if card else task_of(model, None)
    takes, gives = (" and ".join(map(str, specs)) for specs in (model.input_specs, model.output_specs))
    facts = [("takes", takes), ("gives", gives), ("file", f"{len(model.flatbuffer):,} bytes")]
    if model.input_q is not None:
        low, high = span(model.input_q, model.input_specs[0].limits)
        facts.append(("input", f"{low:.4g} to {high:.4g}" + (f". {model.input_range}" if model.input_range else "")))
    if model.state_bytes:
        facts.append(("state", model.remark_on_state))
    facts.append(("classes", ", ".join(task.labels) if task else "not named: --labels FILE|a,b,c where they are any"))
    pictures = model.image_size is not None and model.input_range is not None
    data = "FOLDER" if pictures else f"FILE.npz  # {wanted_arrays(model)}"
    evaluated = f"edgekit evaluate {named} --data {data}"
    if model.is_float and model.variant != "16x8":
        return FirstSteps((*facts, ("compiles", "no: it is not int8. Convert it to int8 first")), (evaluated,))
    try:
        compiled = compile_model(model.flatbuffer, FOR_BOARD)
        ram, ms = compiled.program.ram_bytes, compiled.estimate.total_ms
        facts.append(
            ("compiles", f"yes: {ms:,.1f} ms estimated on a {ESP32.title}, {ram:,} bytes of arena, input and output")
        )
    except EdgekitError as error:
        return FirstSteps((*facts, ("compiles", f"no: {in_a_line(error.message)}")), (evaluated,))
    if model.variant == "16x8":  # the firmware carries int8
        return FirstSteps(tuple(facts), (f"edgekit compile {named}", evaluated))
    return FirstSteps(
        tuple(facts),
        (
            f"edgekit selftest --port emulator --model {named}",
            f"edgekit profile {named} --port emulator",
            f"edgekit predict {named} {'IMAGE' if pictures else 'FILE.npz'}",
            evaluated,
            f"edgekit firmware --model {named} && pio run -d firmware -e esp32dev_aot -t upload",
            f"edgekit eval-device --model {named} --port auto --data {data}",
        ),
    )


def _of_data(data: str, out: Path | None) -> FirstSteps:
    found = audit(data)
    task, named = found.info.task, shlex.quote(data)
    base = data.partition(":")[0]
    base = base if base in _RECIPES else "esp32"
    changes = list[str]()
    if base == "esp32" and found.height is not None and found.width is not None:
        changes = _sizes(found.height.median, found.width.median)
    recipe = recipe_named(base, changes)
    each = Counter[str]()
    for split in found.counts.values():
        each.update(split)
    sizes = f"{_spread(found.width)} wide, {_spread(found.height)} high" if found.width and found.height else "no size"
    facts = (
        ("pictures", f"{found.images:,}, {'grey' if task.channels == 1 else 'RGB'}; {sizes}"),
        ("classes", ", ".join(f"{label} {each[label]:,}" for label in task.labels)),
        ("decision", f"{task.positive} is looked for" if task.positive else "the greatest output"),
        ("model's input", f"{recipe.student.size[0]} x {recipe.student.size[1]} (height, width)"),
        *((("unreadable", f"{len(found.unreadable):,}"),) if found.unreadable else ()),
    )
    words = [f"--recipe {shlex.quote(str(out) if out else base)}"]
    words += [] if out else [f"--set {change}" for change in changes]
    made = "build/mine"
    return FirstSteps(
        facts,
        (
            f"edgekit data info {named}",
            f"edgekit build-model {' '.join(words)} --data {named} --out {made}",
            f"edgekit evaluate {made} --data {named}",
            f"edgekit eval-device --model {made} --data {named} --port emulator --limit 20",
            f"edgekit firmware --model {made} && pio run -d firmware -e esp32dev_aot -t upload",
        ),
        to_json(recipe),
    )


def _sizes(height: float, width: float) -> list[str]:
    """Changes of a recipe that keep the pictures' proportions; none where they are squares of 96 pixels or more."""
    shrunk = min(1.0, 96 / max(height, width))
    student, teacher = (
        "x".join(str(max(least, round(side * shrunk * factor / 16) * 16)) for side in (height, width))
        for factor, least in ((1, 16), (4 / 3, 32))
    )
    return [] if student == "96x96" else [f"student.input_size={student}", f"teach.input_size={teacher}"]


def _spread(found: Spread) -> str:
    return f"{found.min}" if found.min == found.max else f"{found.min} to {found.max}"
