"""The firmware for this computer, native and under QEMU: built with the compilers that are here, started and ended.

In: an environment of platformio.ini and the model's sources. Out: a program, kept in the user's cache; a port to it.
The real board is built by PlatformIO (`pio run -d firmware -t upload`) from the same sources.
"""

import configparser
import json
import os
import re
import shlex
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from edgekit import files
from edgekit.boards.board import ESP32, Board
from edgekit.boards.emulators import DE212, QEMU, Emulator
from edgekit.boards.toolchains import need, run_compiler
from edgekit.compile import Compiled
from edgekit.compile.c_array import c_array
from edgekit.compile.one_buffer import one_buffer_header
from edgekit.device import project
from edgekit.device.carried import carried
from edgekit.device.processes import end_with_parent, refuse_where_none_starts, started
from edgekit.errors import EdgekitError
from edgekit.values.codec import parsed
from edgekit.values.evaluation import Threshold
from edgekit.values.model import TfliteModel
from edgekit.values.task import Task

MODEL_FOLDER = "lib/model/src/model"
HOST_ENVIRONMENT = "native"  # of platformio.ini: the firmware as a program of this computer
# lib/app looks for it: the C measures what each layer costs
_PROFILE = {"profile.h": "#define EDGEKIT_PROFILE 1\n"}


@dataclass(frozen=True, slots=True)
class ModelSources:
    """A model as `firmware/lib/model` holds it."""

    files: Mapping[str, str]  # texts by file name: the .tflite as a C array and, where it compiles, the compiled C
    sha256: str  # of the .tflite

    @property
    def for_tflm_alone(self) -> bool:
        """Whether there is no compiled C, which all environments but `esp32dev` need."""
        return "model.c" not in self.files


def model_sources(
    model: TfliteModel, compiled: Compiled | None, *,
    task: Task | None = None, threshold: Threshold | None = None, arena_bytes: int = 0,
) -> ModelSources:  # fmt: skip
    """The sources of a firmware for the model.

    Args:
        compiled: the model as C, named `model`; None where TFLM alone runs it.
        task, threshold: as in `c_array`.
        arena_bytes: TFLM's arena as measured on the desktop, where the firmware begins to try; 0 where nobody did.

    Raises:
        EdgekitError: what `c_array` raises, or what the protocol cannot carry.
    """
    carried(model, task, threshold)
    array = c_array(model, model.outputs, arena_bytes, task=task, threshold=threshold, folder="model/")
    if compiled is None:
        return ModelSources(array, model.sha256)
    code = {**compiled.files, "model_call.h": one_buffer_header(compiled.graph)}
    return ModelSources({**code, **array, **(_PROFILE if compiled.options.profile else {})}, model.sha256)


def write_model(sources: ModelSources, into: Path | None = None) -> Path:
    """Writes the sources to `lib/model/src/model` of the firmware (or `into`), where no other source is left, and
    returns that folder. `model.json` says what they are."""
    target = into or project.folder() / MODEL_FOLDER
    texts = {**sources.files, "model.json": json.dumps({"sha256": sources.sha256}) + "\n"}
    for name, text in texts.items():
        if not (target / name).is_file() or (target / name).read_bytes() != text.encode():
            files.write_text(target / name, text)
    for path in target.iterdir():  # of an earlier edgekit: PlatformIO would compile it, too
        if path.suffix in (".h", ".c", ".cc") and path.name not in texts:
            path.unlink()
    return target


def model_in(root: Path) -> str | None:
    """The SHA-256 of the model that `firmware/lib/model` holds; None where it holds none."""
    try:
        return str(parsed(files.read_regular(root / MODEL_FOLDER / "model.json"))["sha256"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def build(environment: str, sources: ModelSources, board: Board = ESP32) -> Path:
    """Builds the firmware for this computer and returns the program. A build that exists is not repeated.

    `environment`: HOST_ENVIRONMENT, or the board's `emulated_environment`.
    Raises EdgekitError: no POSIX system, no compiler (says what to install), or the build failed: then with the
    compiler's words, for instance that the model does not fit the board's room.
    """
    if sources.for_tflm_alone:
        raise EdgekitError(
            f"The model runs on TFLM alone, and the environment {environment} runs compiled C.",
            "Build it for a board: pio run -d firmware -e esp32dev",
        )
    refuse_where_none_starts()
    root = project.sources()
    options = _options(root / "platformio.ini", environment)
    own = _sources(root, options["build_src_filter"])
    texts = [path.read_bytes() for path in sorted(root.glob("lib/*/src/**/*.h")) + own]
    key = files.key_of([environment, options, files.sha256_of(*texts), dict(sources.files)])[:16]
    out = files.user_folder("cache") / "programs" / f"{environment}-{key}"
    program = out / ("firmware.elf" if "custom_cross" in options else "firmware")
    if files.read_kept(program, files.print_warning) is not None:
        return program
    with files.failures_of(out):
        out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{environment}-") as temporary:
        work = Path(temporary)
        write_model(sources, work / "model")
        _compile(root, own, options, work / program.name, key, board)
        built, mode = work / program.name, (work / program.name).stat().st_mode
        files.write_kept(built, built.read_bytes())  # what follows a program's own bytes does not run
        built.chmod(mode)
        out.mkdir(exist_ok=True)
        built.replace(program)
    return program


def _compile(root: Path, own: list[Path], options: Mapping[str, str], program: Path, key: str, board: Board) -> None:
    work = program.parent
    cross = options.get("custom_cross", "")
    flags = shlex.split(options["build_flags"])
    link_flags = [flag for flag in flags if flag.startswith(("-L", "-Wl,", "-fsanitize"))]
    flags = [flag for flag in flags if not flag.startswith(("-L", "-Wl,"))]
    flags += [f"-I{path}" for path in sorted(root.glob("lib/*/src")) if path.parent.name != "model"]
    flags += [f"-I{work}", f'-DEDGEKIT_BUILD_ID="{key[:15]}"']
    standard = {".c": options["custom_cflags"], ".cc": options["custom_cxxflags"], ".S": ""}
    objects, commands = [], []
    for number, source in enumerate([*own, *sorted((work / "model").glob("*.c*"))]):
        objects.append(str(work / f"{number}.o"))
        compiler = cross + ("g++" if source.suffix == ".cc" else "gcc")
        commands.append([compiler, *flags, *standard[source.suffix].split(), "-c", str(source), "-o", objects[-1]])
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(lambda command: _run(command, board), commands))
    if cross:
        script = str(root / options["custom_ldscript"])
        link = [cross + "gcc", *objects, "-nostartfiles", "-nostdlib", "-T", script, *link_flags, "-lc", "-lgcc"]
    else:
        link = ["g++", *objects, *link_flags]
    _run([*link, "-o", str(program)], board)


def _run(command: list[str], board: Board) -> None:
    packages = board.toolchain.packages if command[0].startswith(board.toolchain.prefix) else ""
    run_compiler(command, "The firmware", board.title, packages)


def _options(ini: Path, environment: str) -> dict[str, str]:
    parser = configparser.ConfigParser(interpolation=None, inline_comment_prefixes=(";",))
    parser.read(ini, encoding="utf-8")
    options = {**parser["hosted"], **parser[f"env:{environment}"]}
    return {
        name: re.sub(r"\$\{(.+?)\.(\w+)\}", lambda m: parser[m[1]][m[2]], value).strip()
        for name, value in options.items()
    }


def _sources(root: Path, source_filter: str) -> list[Path]:
    patterns = [f"lib/{lib}/src/**/*.cc" for lib in ("wire", "app", "classifier_aot")]
    patterns += [
        f"boards/emulated/{Path(pattern).name}" if "/" in pattern else f"src/{pattern}"
        for pattern in re.findall(r"\+<(.+?)>", source_filter)
    ]
    return [path for pattern in patterns for path in sorted(root.glob(pattern))]


@contextmanager
def running(program: Path, emulator: Emulator = DE212, partition: Path | None = None) -> Iterator[str]:
    """Runs a firmware that `build` made (.elf: under the emulator) while the block lasts; yields its `socket://`
    port. `partition`: what its model partition holds. Raises EdgekitError: QEMU is not installed, or the firmware does
    not start."""
    if program.suffix == ".elf":
        need(QEMU)
        with started(lambda serial: emulator.command(program, serial, counted="asleep", partition=partition)) as port:
            yield port
        return
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as said:
        command = end_with_parent([str(program), "0", *([str(partition)] if partition else [])])
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=said.fileno(), text=True, errors="replace"
        ) as process:
            try:
                assert process.stdout is not None
                port = process.stdout.readline().strip()
                if not port:
                    said.seek(0)
                    raise EdgekitError(f"{program} did not start: {said.read().strip()[-300:]}", "Build it again.")
                yield port
            finally:
                process.kill()
