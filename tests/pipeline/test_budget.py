"""Whether a model fits its board, before it is trained and after."""

import dataclasses
import re
from pathlib import Path
from typing import get_args

import pytest

from edgekit.boards.board import ESP32
from edgekit.errors import EdgekitError
from edgekit.pipeline.budget import check_budget, check_spec
from edgekit.recipes.build import EmbedRecipe
from edgekit.recipes.reading import BUILTIN, recipe_named
from edgekit.tflite.model import read_tflite
from edgekit.tflite.untrained import untrained
from edgekit.values.networks import Kind, StudentSpec
from edgekit.values.task import CHEST_XRAY

INT8 = read_tflite(Path(__file__).parents[1] / "vectors/student/int8.tflite")


@pytest.mark.parametrize("name", BUILTIN)
def test_the_student_of_every_recipe_may_fit_its_board(name: str) -> None:
    recipe = recipe_named(name)
    check_spec(recipe.student.spec(CHEST_XRAY), recipe.embed)


def test_a_model_that_fits_gives_its_budget() -> None:
    model, flash, arena = check_budget(INT8, 95_920, EmbedRecipe())
    assert (model.used_bytes, model.limit_bytes) == (len(INT8.flatbuffer), 40_700)
    assert (arena.used_bytes, arena.limit_bytes) == (95_920, 102_400)
    assert flash.used_bytes == len(INT8.flatbuffer) + ESP32.room.program_flash_bytes


def test_the_flash_that_the_application_takes_is_the_boards() -> None:
    room = dataclasses.replace(ESP32.room, program_flash_bytes=ESP32.room.flash_bytes)
    board = dataclasses.replace(ESP32, name="made-up", room=room)
    with pytest.raises(EdgekitError, match=rf"flash takes .*, {len(INT8.flatbuffer):,} over"):
        check_budget(INT8, 4096, EmbedRecipe(), board)


def test_each_limit_is_named_with_the_bytes_over_and_what_to_do() -> None:
    size = len(INT8.flatbuffer)
    with pytest.raises(EdgekitError, match=r"arena takes 102,401 bytes, 1 over the limit of 102,400\.\n") as caught:
        check_budget(INT8, 102_401, EmbedRecipe())
    assert "student.input_size" in caught.value.hint
    with pytest.raises(EdgekitError, match=rf"model takes {size:,} bytes, 10 over") as caught:
        check_budget(INT8, 4096, EmbedRecipe(model_bytes=size - 10))
    assert "student.channels" in caught.value.hint
    with pytest.raises(EdgekitError, match=r"model takes .*; flash takes .*; arena takes ") as caught:
        check_budget(INT8, 4096, EmbedRecipe(model_bytes=1024, flash_bytes=1024, arena_bytes=1024))
    assert "embed.model_bytes, embed.flash_bytes, embed.arena_bytes" in caught.value.hint


def test_a_pool_that_holds_more_than_its_convolution_decides_what_a_student_takes_of_the_arena() -> None:
    wide = StudentSpec(
        (64, 64, 1), 2, (8,), (1,)
    )  # the convolution holds 64 * 64 * (1 + 8), its pool 64 * 64 * 8 * 5/4
    check_spec(wide, EmbedRecipe(arena_bytes=40_960))
    with pytest.raises(EdgekitError, match="arena takes at least 40,960 bytes, 1 over the limit of 40,959"):
        check_spec(wide, EmbedRecipe(arena_bytes=40_959))


def test_height_width_and_colours_each_count_in_what_a_student_takes() -> None:
    rgb = StudentSpec((48, 96, 3), 5, (4,), (1,))  # 48 * 96 * (3 + 4)
    check_spec(rgb, EmbedRecipe(arena_bytes=32_256))
    with pytest.raises(EdgekitError, match="arena takes at least 32,256 bytes, 1 over"):
        check_spec(rgb, EmbedRecipe(arena_bytes=32_255))


@pytest.mark.parametrize("kind", get_args(Kind))
def test_a_student_of_any_kind_takes_no_less_than_is_said_before_its_training(kind: Kind) -> None:
    spec = StudentSpec((64, 64, 1), 2, (8, 12, 16), (1, 2, 1), kind, 2)
    weights = read_tflite(untrained(spec))
    with pytest.raises(EdgekitError, match="model takes at least") as caught:
        check_spec(spec, EmbedRecipe(model_bytes=1024))
    least = int(re.findall(r"at least ([\d,]+) bytes", caught.value.message)[0].replace(",", ""))
    assert 0.1 * len(weights.flatbuffer) < least < len(weights.flatbuffer)
