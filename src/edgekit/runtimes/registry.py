"""Every runtime by its name, as `edgekit evaluate --runtime` takes it."""

from collections.abc import Mapping

from edgekit.runtimes.litert import LITERT
from edgekit.runtimes.onnx import ONNX
from edgekit.runtimes.runtime import Runtime
from edgekit.runtimes.tflm import TFLM
from edgekit.runtimes.torch import TORCH

RUNTIMES: Mapping[str, Runtime] = {runtime.name: runtime for runtime in (TFLM, LITERT, ONNX, TORCH)}
