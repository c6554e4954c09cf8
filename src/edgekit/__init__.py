"""edgekit: put a neural network on an ESP32 and know that it works there.

The public API. Each name is imported when it is first used: `import edgekit` alone is quick and takes neither numpy,
torch nor TensorFlow.

    build_model(recipe_named("smoke"), "phantom", Path("build/smoke"))     train, distil, prune, quantize; a Card
    evaluate("build/smoke", "phantom").auc                                 how good the model is here
    evaluate_board(load_model("build/smoke"), "emulator", limit=20)        how good it is on a board
    predict(load_model("build/smoke"), ["picture.png"])                       what it says of pictures
    compile_model(Path("model.tflite")).files                              a .tflite as C
    export_model("model.tflite", "arduino", "libraries/pet")               the same as somebody's library
"""

TYPE_CHECKING = False  # typing takes longer to import than Ctrl-C may wait for `__main__`, which is imported after this
if TYPE_CHECKING:
    from typing import Any

    from edgekit.boards.board import BOARDS, Board
    from edgekit.compile import Compiled, CompileOptions, compile_model
    from edgekit.device.profile import profile_model
    from edgekit.errors import EdgekitError
    from edgekit.export import export_model
    from edgekit.pipeline.build_model import build_model
    from edgekit.pipeline.evaluate import evaluate
    from edgekit.pipeline.evaluate_board import evaluate_board
    from edgekit.pipeline.loading import LoadedModel, load_model
    from edgekit.pipeline.predict import Answer, predict
    from edgekit.recipes.build import Recipe
    from edgekit.recipes.reading import recipe_named
    from edgekit.values.task import CHEST_XRAY, Task

__version__ = "0.1.0"
__all__ = [
    "BOARDS", "CHEST_XRAY", "Answer", "Board", "CompileOptions", "Compiled", "EdgekitError", "LoadedModel", "Recipe",
    "Task", "build_model", "compile_model", "evaluate", "evaluate_board", "export_model", "load_model", "predict",
    "profile_model", "recipe_named",
]  # fmt: skip
_MODULES = {
    "boards.board": ("BOARDS", "Board"),
    "compile": ("CompileOptions", "Compiled", "compile_model"),
    "device.profile": ("profile_model",),
    "errors": ("EdgekitError",),
    "export": ("export_model",),
    "pipeline.build_model": ("build_model",),
    "pipeline.evaluate": ("evaluate",),
    "pipeline.predict": ("Answer", "predict"),
    "pipeline.evaluate_board": ("evaluate_board",),
    "pipeline.loading": ("LoadedModel", "load_model"),
    "recipes.reading": ("recipe_named",),
    "recipes.build": ("Recipe",),
    "values.task": ("CHEST_XRAY", "Task"),
}


def __getattr__(name: str) -> "Any":
    from importlib import import_module

    for module, names in _MODULES.items():
        if name in names:
            return getattr(import_module(f"edgekit.{module}"), name)
    raise AttributeError(f"module 'edgekit' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
