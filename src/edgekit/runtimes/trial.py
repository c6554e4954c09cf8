"""A model of unknown origin, run once in a child process before it is run in this one.

TFLM and LiteRT trust what they read: on some damaged files they end their own process, or never end. In: a model and a
runtime's name. Out: TFLM's arena, or an error in words.
"""

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np

from edgekit.errors import EdgekitError, in_a_line
from edgekit.executor.child import python
from edgekit.runtimes import litert, tflm
from edgekit.tflite.model import read_tflite
from edgekit.values.model import TfliteModel
from edgekit.values.tensors import joined_dtype

LIMIT_S = 60.0
_RUNTIMES = {"tflm": tflm.infer_of, "litert": litert.infer_of}


def try_apart(model: TfliteModel, runtime: str = "tflm", limit_s: float = LIMIT_S) -> int:
    """Runs the model on zeros in a child process and returns the bytes of TFLM's arena; 0 of another runtime.

    Raises:
        EdgekitError: the runtime refuses the model, ends its process on it, or takes longer than `limit_s`.
    """
    words = python("-c", "from edgekit.runtimes import trial; trial._try_here()", runtime, model.name)
    hint = "The file may be damaged: copy, download or convert it again."
    try:
        done = subprocess.run(words, input=model.flatbuffer, capture_output=True, check=False, timeout=limit_s)
    except subprocess.TimeoutExpired as error:
        raise EdgekitError(f"{model.name}: one run takes more than {limit_s:g} s on {runtime}.", hint) from error
    try:
        said = json.loads(done.stdout)
    except ValueError as error:
        last = in_a_line(done.stderr.decode(errors="replace").strip()[-200:])
        raise EdgekitError(f"{model.name} ends the process of {runtime}: {last}", hint) from error
    if "error" in said:
        raise EdgekitError(*said["error"])
    return int(said["arena_bytes"])


def _try_here() -> None:
    """What the child does with the model at its stdin."""
    runtime, name = sys.argv[1:]
    try:
        model = replace(read_tflite(sys.stdin.buffer.read()), name=name)
        _RUNTIMES[runtime](model)(np.zeros(model.input_shape, joined_dtype(model.input_specs)))
        print(json.dumps({"arena_bytes": tflm.arena_bytes(model) if runtime == "tflm" else 0}))
    except EdgekitError as error:
        print(json.dumps({"error": [error.message, error.hint]}))
