"""Everything that edgekit reads of others' files: whole examples, how they are damaged, and the call that reads them.

In: a loader's name. Out: a `Loader`. Of a checkout: some examples are its models and test vectors.
"""

import io
import json
import random
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from edgekit.compile import CompileOptions, compile_model
from edgekit.compile.program import profiled_program
from edgekit.data.arrays import load_arrays
from edgekit.data.download import unpack
from edgekit.data.preprocess import load_pixels
from edgekit.data.sources import open_catalogue
from edgekit.device.kept import state_of
from edgekit.files import packed
from edgekit.pipeline.evaluate import opened
from edgekit.pipeline.loading import load_model
from edgekit.pipeline.predict import predict
from edgekit.recipes.build import Recipe
from edgekit.recipes.reading import recipe_named
from edgekit.report.card import load_card
from edgekit.runtimes.litert import LITERT
from edgekit.runtimes.onnx import ONNX
from edgekit.runtimes.torch import TORCH
from edgekit.runtimes.trial import try_apart
from edgekit.testing import mutant_archives, mutants
from edgekit.testing.damaged_models import distorted
from edgekit.testing.random_models import random_model
from edgekit.tflite.model import read_tflite
from edgekit.tflite.quantize import with_input_range
from edgekit.values.codec import to_document, to_json
from edgekit.values.networks import Kind, StudentSpec

_CHECKOUT = Path(__file__).parents[3]
_CHEST_XRAY, _STUDENT = _CHECKOUT / "models/chest_xray", _CHECKOUT / "tests/vectors/student"
_SPEC = StudentSpec((32, 32, 1), 2, (4, 8), (1, 1))


@dataclass(frozen=True, slots=True)
class Loader:
    """One way in.

    Attributes:
        path: where the file lies, below a folder of its own.
        wholes: whole files.
        mutate: how they are damaged.
        read: reads the file at its path; EdgekitError is the only exception that may come out.
        beside: files that must lie beside it.
        is_bytes: it reads bytes, and names the operator or tensor, for it knows no file.
    """

    path: str
    wholes: Callable[[], list[bytes]]
    mutate: mutants.Mutator
    read: Callable[[Path], object]
    beside: tuple[Path, ...] = ()
    is_bytes: bool = False

    def place(self, folder: Path) -> Path:
        """The path in this folder, with what must lie beside it."""
        path = folder / self.path
        path.parent.mkdir(parents=True, exist_ok=True)
        for one in self.beside:
            shutil.copy(one, path.parent)
        return path


def _cards() -> list[bytes]:
    return [(_CHEST_XRAY / "card.json").read_bytes()]


def _recipes() -> list[bytes]:
    return [json.dumps(to_document(Recipe())).encode()]


def _states() -> list[bytes]:
    done = {f"test/{row}.png": [row, -row, 5000] for row in range(9)}
    return [json.dumps({"schema_version": 1, "board": {"chip": "esp32", "port": "here"}, "done": done}).encode()]


def _profiles() -> list[bytes]:
    content = (_STUDENT / "int8.tflite").read_bytes()
    compiled = compile_model(content)
    layers = [{**to_json(layer), "instructions": 1000, "us": None} for layer in compiled.program.layers]
    return [
        json.dumps(
            {"model_sha256": compiled.graph.sha256.hex(), "options": to_json(CompileOptions()), "layers": layers}
        ).encode()
    ]


def _medmnist() -> list[bytes]:
    rng = np.random.default_rng(0)
    arrays: dict[str, NDArray[np.generic]] = {}
    for split, count in (("train", 24), ("val", 6), ("test", 8)):
        arrays[f"{split}_images"] = rng.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        arrays[f"{split}_labels"] = (np.arange(count) % 2).astype(np.uint8)[:, np.newaxis]
    arrays["train_labels"] = arrays["train_labels"].astype(np.int64)
    return [packed(arrays)]


def _inputs() -> list[bytes]:
    pixels = np.random.default_rng(0).integers(0, 256, (6, 32, 32), dtype=np.uint8)
    real = (pixels / 255).astype(np.float32)
    return [
        packed({"x": pixels, "y": np.arange(6) % 2}),
        packed({"x": real, "y": np.array(["0", "1"] * 3)}),
        packed({"x": (pixels.astype(np.int16) - 128).astype(np.int8), "y": np.zeros((6, 2), np.float32)}),
    ]


def _labels() -> list[bytes]:
    lines = [f"photos/{number}.png,{['cat', 'dog', 'fox'][number % 3]}" for number in range(12)]
    further = [f"{line},{'train' if number < 9 else 'test'},g{number // 2}" for number, line in enumerate(lines)]
    further[8] = f"{lines[8]},train,"
    return ["\n".join(rows).encode() for rows in (("path,label", *lines), ("path,label,split,group", *further[:8]))]


def _by_labels(path: Path) -> None:
    pictures = path.parent / "photos"
    if not pictures.exists():
        pictures.mkdir()
        for number in range(12):
            Image.fromarray(np.full((4, 4), number, np.uint8)).save(pictures / f"{number}.png")
    open_catalogue(str(path.parent), on_warning=lambda said: None)


def _students() -> list[bytes]:
    from edgekit.training.nets import student_net  # torch, which other loaders need not wait for

    wholes = []
    for kind in get_args(Kind):
        spec = replace(_SPEC, block=kind)
        weights = {name: value.numpy() for name, value in student_net(spec).state_dict().items()}
        wholes.append(packed({**to_json(spec), **weights}))
        if kind == "vgg":
            wholes.append(packed({"input_size": 32, "channels": spec.channels, "depths": spec.depths, **weights}))
    return wholes


def _zips() -> list[bytes]:
    wholes = []
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", method) as archive:
            for name in ("set/a.jpeg", "set/b/c.png", "__MACOSX/x", "d.jpeg"):
                archive.writestr(name, bytes(range(250)) * 2)
        wholes.append(stream.getvalue())
    return wholes


def _unpack(path: Path) -> None:
    out = path.parent / "out" / "set"
    try:
        unpack(path, out)
        shutil.rmtree(out)
    finally:
        if left := [*out.parent.iterdir(), *(one for one in path.parent.iterdir() if one not in (path, out.parent))]:
            raise RuntimeError(f"it leaves {left}")


def _onnx() -> list[bytes]:
    from edgekit.conversion.onnx import export_onnx
    from edgekit.training.nets import student_net

    return [export_onnx(student_net(_SPEC), _SPEC.input_shape)]


def _run_onnx(path: Path) -> None:
    ONNX.run(path, np.zeros((1, *_SPEC.input_shape), np.uint8))


def _run_student(path: Path) -> None:
    TORCH.run(opened(path)[0], np.zeros((1, *_SPEC.input_shape), np.uint8))


def _run_tflm(path: Path) -> None:
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(path.with_name("film.png"))
    predict(load_model(path), path.with_name("film.png"), input_range=(0, 1))


def _run_litert(path: Path) -> None:
    model = with_input_range(read_tflite(path), (0, 1))
    try_apart(model, "litert")
    LITERT.run(model, np.zeros((1, *model.input_shape), np.uint8))


def _pictures(kind: str) -> list[bytes]:
    pixels = np.random.default_rng(0).integers(0, 256, (24, 36), dtype=np.uint8)
    grey, colour, exif = Image.fromarray(pixels), Image.fromarray(np.dstack([pixels] * 3)), Image.Exif()
    exif[0x0112] = 6  # turned
    wholes = [_stored(kind, grey, exif=exif), _stored(kind, colour), _stored(kind, colour, progressive=True)]
    if kind == "png":
        wholes += [_stored(kind, Image.fromarray(pixels.astype(np.uint16) * 256)), _stored(kind, colour.quantize(16))]
    return wholes


def _stored(kind: str, image: Image.Image, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def _tflite(*variants: str) -> Callable[[], list[bytes]]:
    return lambda: [(_STUDENT / f"{variant}.tflite").read_bytes() for variant in variants]


def _random_models() -> list[bytes]:
    return [random_model(seed) for seed in range(40)]


def _damaged_model(rng: random.Random, content: bytes) -> bytes:
    if rng.random() < 0.7:
        return mutants.flatbuffer(rng, content)
    return distorted(rng.randrange(1 << 30), np.random.default_rng(rng.randrange(1 << 30)))


LOADERS = {
    "card": Loader("card.json", _cards, mutants.json_text, load_card, (_CHEST_XRAY / "student_int8.tflite",)),
    "recipe": Loader("recipe.json", _recipes, mutants.json_text, lambda path: recipe_named(str(path))),
    "state": Loader("state.json", _states, mutants.json_text, lambda path: state_of(path.read_bytes(), path)),
    "profile": Loader(
        "profile.json", _profiles, mutants.json_text,
        lambda path: profiled_program((_STUDENT / "int8.tflite").read_bytes(), path),
    ),
    "npz (MedMNIST)": Loader(
        "downloads/pneumoniamnist.npz", _medmnist, mutant_archives.npz,
        lambda path: open_catalogue("pneumoniamnist-28", cache_dir=path.parents[1]).open_images()(0),
    ),
    "csv (labels)": Loader("set/labels.csv", _labels, mutants.csv_text, _by_labels),
    "npz (student)": Loader("student.npz", _students, mutant_archives.npz, _run_student),
    "npz (inputs)": Loader(
        "inputs.npz", _inputs, mutant_archives.npz,
        lambda path: load_arrays(path, read_tflite(_STUDENT / "int8.tflite")),
    ),
    "zip": Loader("in.zip", _zips, mutant_archives.zipped, _unpack),
    "onnx": Loader("student.onnx", _onnx, mutants.protobuf, _run_onnx),
    "tflite (TFLM)": Loader("model.tflite", _tflite("int8", "float32"), mutants.flatbuffer, _run_tflm),
    "tflite (LiteRT)": Loader(
        "model.tflite", _tflite("float32", "float16", "dynamic", "int8"), mutants.flatbuffer, _run_litert
    ),
    "tflite (compile)": Loader(
        "model.tflite", _random_models, _damaged_model, lambda path: compile_model(path.read_bytes()), is_bytes=True
    ),
    "PNG": Loader("film.png", lambda: _pictures("png"), mutants.png, lambda path: load_pixels(path, (8, 8))),
    "JPEG": Loader("film.jpeg", lambda: _pictures("jpeg"), mutants.jpeg, lambda path: load_pixels(path, (8, 8))),
}  # fmt: skip
