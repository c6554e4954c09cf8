"""A .tflite without what no interpreter reads. In and out: the file's bytes."""

from typing import Any

from edgekit.tflite.model import sound_file
from edgekit.tflite.reader import CORRUPT, damaged
from edgekit.tflite.schema import schema

_ALIGNMENT = 16  # schema.fbs: Buffer.data is force_align:16; kernels read int32 biases in place


def strip(content: bytes) -> bytes:
    """Drops float ends, names, signatures, metadata, the converter's remarks and empty buffers.

    Raises:
        EdgekitError: as `sound_file`.
    """
    classes, file = schema(writes=True), sound_file(content)
    try:
        model = classes.ModelT.InitFromObj(classes.Model.GetRootAs(file.content, 0))
    except CORRUPT as error:  # in what is about to be dropped
        raise damaged(file.name, error) from error
    model.description = model.signatureDefs = model.metadata = model.metadataBuffer = None
    kept, row_of = [model.buffers[0]], {0: 0}  # buffer 0 is the empty one by the schema
    for graph in model.subgraphs:
        graph.name = None
    for tensor in (tensor for graph in model.subgraphs for tensor in graph.tensors):
        tensor.name = None
        data = model.buffers[tensor.buffer].data
        if data is None or len(data) == 0:
            tensor.buffer = 0
        elif tensor.buffer not in row_of:
            row_of[tensor.buffer] = len(kept)
            kept.append(model.buffers[tensor.buffer])
        tensor.buffer = row_of[tensor.buffer]
        if tensor.quantization is not None:
            tensor.quantization.min = tensor.quantization.max = None
    model.buffers = kept
    return finished(model, len(content))


def finished(model: Any, size: int) -> bytes:
    """The file of a `ModelT`; about `size` bytes."""
    builder = _aligned_builder(size)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def _aligned_builder(size: int) -> Any:
    import flatbuffers

    class AlignedBuilder(flatbuffers.Builder):  # type: ignore[misc]
        def StartVector(self, elemSize: int, numElems: int, alignment: int) -> Any:
            # Byte vectors are buffers' data, which Python's generated code does not align.
            return super().StartVector(elemSize, numElems, _ALIGNMENT if elemSize == 1 else alignment)

    return AlignedBuilder(size)
