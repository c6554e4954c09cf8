"""Generated models on emulated Xtensa: the arithmetic that an ESP32 has, not this computer's."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from edgekit.compile import Compiled, CompileOptions
from edgekit.testing import emulated_models
from edgekit.testing.exactness import cases
from edgekit.testing.random_models import random_model

HALVES = 2  # pytest-xdist runs them side by side
MODELS = 208


@pytest.mark.parametrize("half", range(HALVES))
def test_at_least_200_random_models_give_tflms_bytes_on_emulated_xtensa(half: int) -> None:
    models = cases(random_model, range(30_000 + half, 30_000 + MODELS + 20, HALVES))[: MODELS // HALVES]
    assert len(models) >= 200 / HALVES
    assert emulated_models.differing(models) == []


def test_random_models_of_16_bits_give_tflms_bytes_on_emulated_xtensa() -> None:
    models = cases(lambda seed: random_model(seed, wide=True), range(30))
    assert len(models) > 20
    assert emulated_models.differing(models) == []


def test_a_wrong_byte_on_the_board_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    models = cases(random_model, range(3))
    right = emulated_models.compile_model

    def wrong(content: bytes, options: CompileOptions) -> Compiled:
        compiled = right(content, options)
        text = compiled.files[f"{options.name}.c"]
        place = text.rindex("}")
        compiled.files[f"{options.name}.c"] = text[:place] + "output[0] ^= 1;\n" + text[place:]
        return compiled

    monkeypatch.setattr(emulated_models, "compile_model", wrong)
    assert emulated_models.differing(models) == [seed for seed, _, _ in models]


def test_programs_run_side_by_side_without_disturbing_each_other() -> None:
    models = cases(random_model, range(40, 44))
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(emulated_models.differing, (models[:2], models[2:]))) == [[], []]
