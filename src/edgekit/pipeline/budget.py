"""Whether a model fits its board: asked of a student before it is trained, and of the finished model.

In: a model or the shape of one, and the recipe's limits. Out: `BudgetLine`s, or a refusal that says what to do.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from edgekit.boards.board import ESP32, Board
from edgekit.errors import EdgekitError
from edgekit.recipes.build import EmbedRecipe
from edgekit.values.model import TfliteModel
from edgekit.values.networks import StudentSpec


@dataclass(frozen=True, slots=True)
class BudgetLine:
    """One limit of the board: `used_bytes` of `limit_bytes`."""

    name: str
    used_bytes: int
    limit_bytes: int


def check_budget(
    model: TfliteModel, arena_bytes: int, recipe: EmbedRecipe, board: Board = ESP32
) -> tuple[BudgetLine, ...]:
    """Weighs a model against what the board leaves: the .tflite, the application's flash with it, TFLM's arena in RAM.

    Raises:
        EdgekitError: one or more limits are exceeded; names each with the bytes over and what to do.
    """
    model_bytes = len(model.flatbuffer)
    lines = (
        BudgetLine("model", model_bytes, recipe.model_bytes),
        BudgetLine("flash", model_bytes + board.room.program_flash_bytes, recipe.flash_bytes),
        BudgetLine("arena", arena_bytes, recipe.arena_bytes),
    )
    _refuse_excess(lines, "takes")
    return lines


def check_spec(spec: StudentSpec, recipe: EmbedRecipe) -> None:
    """Weighs a student before hours are spent on it, by what its shape alone takes: int8 kernels and 4-byte biases,
    and the input and output of the operator that holds most. The file and the arena will be somewhat larger.

    Raises:
        EdgekitError: even that is too much; names each limit with the bytes over and what to do.
    """
    weights, tensors = spec.classes * (4 + spec.features), 0
    for block in spec.blocks:
        for layer in (*block.layers, *(block.shortcut or ())):
            inputs, outputs = (
                prod(size) * n for size, n in ((layer.size, layer.inputs), (layer.result, layer.outputs))
            )
            tensors = max(tensors, inputs + outputs)
            if not layer.pool:
                weights += layer.outputs * (layer.kernel**2 * (1 if layer.depthwise else layer.inputs) + 4)
    lines = BudgetLine("model", weights, recipe.model_bytes), BudgetLine("arena", tensors, recipe.arena_bytes)
    _refuse_excess(lines, "takes at least")


def _refuse_excess(lines: Sequence[BudgetLine], takes: str) -> None:
    advice = {
        "model": "take fewer channels in the last stages (--set student.channels=8,16,32,48)",
        "flash": "take fewer channels, or a larger application partition and --set embed.flash_bytes=...",
        "arena": "take a smaller image (--set student.input_size=...) or fewer channels in the first stage",
    }
    over = [line for line in lines if line.used_bytes > line.limit_bytes]
    if over:
        excess = "; ".join(
            f"{line.name} {takes} {line.used_bytes:,} bytes, {line.used_bytes - line.limit_bytes:,} over the limit of "
            f"{line.limit_bytes:,}"
            for line in over
        )
        raise EdgekitError(
            f"The model does not fit the board: {excess}.",
            f"To fit, {'; '.join(advice[line.name] for line in over)}. If your board has the room, raise "
            f"{', '.join(f'embed.{line.name}_bytes' for line in over)}.",
        )
