"""The example of every kind of model that the compiler takes: it builds without a warning and says what TFLM says."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from exporting import RIGHT, Export, run
from PIL import Image

from edgekit.errors import EdgekitError
from edgekit.testing import random_states
from edgekit.testing.builder import float_ended
from edgekit.testing.native_c import FLAGS, SANITIZED
from edgekit.testing.random_models import random_model
from edgekit.testing.random_operators import Random


def pair(r: Random) -> bytes:
    """Two inputs, two outputs."""
    image, other = r.activation((1, 4, 4, 2), 1 / 255, -128), r.activation((1, 4, 4, 2), 0.1, 5)
    return r.b.finish([image, other], [r.add(image, other), r.dense(r.reshape(other), 3)])


def remembering(r: Random) -> bytes:
    x = r.activation((1, 12))
    return r.b.finish([x], [random_states.svdf(r, x)])


def without_an_arena(r: Random) -> bytes:
    x = r.activation((1, 4, 4, 1))
    return r.b.finish([x], [r.reshape(x)])


def wide(r: Random) -> bytes:
    return random_model(1, wide=True)


def coloured(r: Random) -> bytes:
    x = r.activation((1, 8, 6, 3), 2 / 255, -1)
    return r.b.finish([x], [r.dense(r.reshape(x), 4)])


def of_any_pixels(r: Random) -> bytes:
    x = r.activation((1, 6, 6, 1), 0.5, -128)  # 0 to 127.5: the file does not tell
    return r.b.finish([x], [r.dense(r.reshape(x), 2)])


def floats(r: Random) -> bytes:
    x = r.activation((1, 5, 5, 1), 1 / 255, -128)
    return float_ended(r.b.finish([x], [r.dense(r.reshape(x), 3)]))


Draw = Callable[[Random], bytes]
KNOWN = {pair: False, remembering: True, without_an_arena: True, coloured: True, of_any_pixels: True, floats: True}


def model(tmp_path: Path, draw: Draw) -> Path:
    (tmp_path / "drawn.tflite").write_bytes(draw(Random(5)))
    return tmp_path / "drawn.tflite"


def said(tmp_path: Path, library: Path, compiler: str = "gcc") -> list[str]:
    """What the example prints, built under the sanitizers."""
    standard = FLAGS if compiler == "gcc" else ("-std=c++17", *FLAGS[1:])
    files = (library / "examples/classify.c", "-I", library / "include")
    run("gcc", *FLAGS, *SANITIZED, "-c", library / "src/pet.c", "-I", library / "include", "-o", tmp_path / "pet.o")
    language = ("-x", "c++") if compiler == "g++" else ()
    run(compiler, *standard, *SANITIZED, *language, *files, "-x", "none", tmp_path / "pet.o", "-o", tmp_path / "said")
    return run(tmp_path / "said").splitlines()


@pytest.mark.parametrize("compiler", ["gcc", "g++"])
@pytest.mark.parametrize("draw", KNOWN, ids=lambda draw: draw.__name__)
def test_the_example_of_any_model_runs_and_has_tflms_bytes_where_tflm_runs_it(
    tmp_path: Path, export: Export, draw: Draw, compiler: str
) -> None:
    library = export("cmake", model=model(tmp_path, draw))
    lines = said(tmp_path, library, compiler)
    assert (lines[-1] == RIGHT) is KNOWN[draw]
    assert not lines[0].startswith("Answer")  # nobody has named the outputs


def test_a_range_that_the_user_gives_makes_pixels_the_values_that_edgekit_makes_of_them(
    tmp_path: Path, export: Export
) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (6, 6), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "picture.png")
    words = ("--input-range", "0,100", "--labels", "yes,no", "--picture", tmp_path / "picture.png")
    library = export("cmake", *words, model=model(tmp_path, of_any_pixels))
    assert "static const int8_t values[256]" in (library / "include/pet_io.h").read_text()
    lines = said(tmp_path, library)
    assert lines[0] in ("Answer: yes", "Answer: no")
    assert lines[-1] == RIGHT


def test_a_picture_for_a_model_that_does_not_tell_its_range_is_refused(tmp_path: Path, export: Export) -> None:
    with pytest.raises(EdgekitError, match="cannot be built in") as refusal:
        export("cmake", "--picture", tmp_path / "any.png", model=model(tmp_path, of_any_pixels))
    assert "--input-range" in refusal.value.hint


IO = """
#include <math.h>
#include <stdio.h>
#include "pet_io.h"
int main(void) {
  const float reals[] = {-1e9f, -1.0f, -0.0039f, 0.0f, 0.25f, 1.0f, 1e9f, INFINITY, NAN};
  for (unsigned i = 0; i < sizeof reals / sizeof *reals; ++i) printf("%d ", pet_input_q(reals[i]));
  printf("%.4f %.4f\\n", (double)pet_output_real(127), (double)pet_output_real(-128));
  for (int a = -128; a < 128; ++a) {
    for (int b = -128; b < 128; ++b) {
      const int8_t output[2] = {(int8_t)a, (int8_t)b};
      if (pet_answer(output) != (b > a)) return 1;
    }
  }
  return 0;
}
"""


def test_real_values_are_rounded_and_clamped_and_equal_outputs_are_the_first_answer(
    tmp_path: Path, export: Export
) -> None:
    library = export("cmake")
    (tmp_path / "io.c").write_text(IO)
    sources = (tmp_path / "io.c", library / "src/pet.c", "-I", library / "include")
    run("gcc", *FLAGS, *SANITIZED, *sources, "-o", tmp_path / "io")
    quantized, _, real = run(tmp_path / "io").rstrip().rpartition("127 -128 ")
    assert quantized == "-128 -128 -128 -128 -64 127 127 "
    low, high = sorted(map(float, real.split()))
    assert low < 0 < high


HOSTILE = 'a "b" \\ */ `c`,{{ d }} %s\t<e>'


def test_labels_and_file_names_from_outside_break_no_file(tmp_path: Path, export: Export) -> None:
    odd = tmp_path / "`x` \n * ${y}.tflite"
    odd.write_bytes(model(tmp_path, coloured).read_bytes())
    library = export("cmake", "--labels", f"{HOSTILE},zwei,三", model=odd)
    lines = said(tmp_path, library)
    assert lines[0].removeprefix("Answer: ") in [*HOSTILE.split(","), "zwei", "三"]
    assert lines[-1] == RIGHT
    readme = (library / "README.md").read_text()
    assert "3 `三`" in readme
    assert 'a "b" \\ */ c`;' in readme
    assert "file: `x * ${y}.tflite`" in (library / "MODEL.md").read_text()


def test_what_the_card_says_of_the_models_data_travels_with_the_library(export: Export) -> None:
    from edgekit.values.shipped import shipped

    library = export("arduino", model=shipped("models") / "chest_xray/student_int8.tflite")
    text = (library / "MODEL.md").read_text()
    for words in ("CC BY 4.0", "doi:10.17632/rscbjbr9sj.3", "not a medical device", "Pillow convert", "NORMAL"):
        assert words in text + (library / "README.md").read_text()
