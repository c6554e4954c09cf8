"""PyTorch -> ONNX: the network as it is exported, and what a .tflite must make of its operators.

In: a trained network. Out: an .onnx file's bytes.
"""

import io
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from edgekit.errors import EdgekitError
from edgekit.extras import not_installed

if TYPE_CHECKING:
    from torch import nn

_OPSET = 17
# ONNX operator -> the .tflite operators that may stand for it; none where it melts into its neighbour. A convolution
# pads as PyTorch does, a .tflite as TensorFlow does: where the two differ, which is for strides, a PAD is in front.
_TFLITE_OPS: Mapping[str, tuple[str, ...]] = {
    "Conv": ("CONV_2D",),
    "Add": ("ADD",),
    "MaxPool": ("MAX_POOL_2D",),
    "AveragePool": ("AVERAGE_POOL_2D", "MEAN"),
    "GlobalAveragePool": ("AVERAGE_POOL_2D", "MEAN"),
    "ReduceMean": ("AVERAGE_POOL_2D", "MEAN"),
    "Gemm": ("FULLY_CONNECTED",),
    "MatMul": ("FULLY_CONNECTED",),
    "Relu": (),
    "Flatten": (),
    "Reshape": (),
}


def export_onnx(module: "nn.Module", input_shape: tuple[int, int, int]) -> bytes:
    """The network as ONNX with a fixed batch of 1 and batch-norms folded into their convolutions."""
    import torch

    height, width, channels = input_shape
    was_training, stored = module.training, io.BytesIO()
    module.eval()
    with warnings.catch_warnings():
        # The TorchScript exporter is announced as legacy; the new one takes 20 times as long and writes the same
        # graph for these networks (4.0 s against 0.2 s for the 96-pixel student with torch 2.14).
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module, (torch.zeros(1, channels, height, width),),
            stored,  # type: ignore[arg-type]  # this exporter takes a stream, too; its stub names paths alone
            dynamo=False, opset_version=_OPSET, input_names=["image"], output_names=["logits"],
        )  # fmt: skip
    module.train(was_training)
    return stored.getvalue()


def onnx_ops(model: bytes) -> tuple[tuple[str, ...], ...]:
    """For each operator of the ONNX graph that a .tflite must show, the names that it may have there."""
    import onnx

    nodes = [node for node in onnx.load_from_string(model).graph.node if node.op_type != "Constant"]
    unknown = sorted({node.op_type for node in nodes} - set(_TFLITE_OPS))
    if unknown:
        raise EdgekitError(
            f"The network uses {', '.join(unknown)}, which edgekit does not put on a board.",
            f"Use layers that export as: {', '.join(_TFLITE_OPS)}.",
        )
    return tuple(
        names
        for node in nodes
        for names in (_convolution(node) if node.op_type == "Conv" else (_TFLITE_OPS[node.op_type],))
        if names
    )


def _convolution(node: Any) -> tuple[tuple[str, ...], ...]:
    by_name = {one.name: one for one in node.attribute}
    kind = "DEPTHWISE_CONV_2D" if "group" in by_name and by_name["group"].i > 1 else "CONV_2D"
    strided, padded = (
        any(value > least for value in by_name[name].ints) for name, least in (("strides", 1), ("pads", 0))
    )
    return (("PAD",), (kind,)) if strided and padded else ((kind,),)


def image_input(model: bytes, called: str) -> tuple[str, tuple[int, int, int]]:
    """The name of an ONNX model's only input, and the height, width and channels of its image [N, C, H, W].

    Raises:
        EdgekitError: onnx is not installed, or the model takes anything else. `called`: what messages call it.
    """
    try:
        import onnx
    except ImportError as error:
        raise not_installed("onnx", "no ONNX model is converted") from error
    try:
        graph = onnx.load_from_string(model).graph
        constants = {constant.name for constant in graph.initializer}
        inputs = [entry for entry in graph.input if entry.name not in constants]
        shapes = [tuple(size.dim_value for size in entry.type.tensor_type.shape.dim) for entry in inputs]
    except Exception as error:  # whatever protobuf says of damaged bytes
        raise EdgekitError(f"{called} cannot be read as ONNX: {error}.", "Export it again.") from error
    if len(inputs) != 1 or len(shapes[0]) != 4 or shapes[0][1] not in (1, 3) or 0 in shapes[0][1:]:
        raise EdgekitError(
            f"{called} takes {len(inputs)} inputs of shapes {', '.join(str(list(shape)) for shape in shapes)}; edgekit "
            "converts one image [N, 1 or 3, height, width] of fixed size.",
            "Convert it yourself: onnx2tf -i MODEL.onnx -oiqt -qt per-channel -iqd int8 -oqd int8.",
        )
    _, channels, height, width = shapes[0]
    return inputs[0].name, (height, width, channels)
