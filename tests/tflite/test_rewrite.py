"""Other scales and constants in a file: those tensors alone, and nobody who shared their bytes."""

from typing import Any

import numpy as np

from edgekit.tflite.reader import read_file
from edgekit.tflite.rewrite import NewTensor, rewritten
from edgekit.tflite.schema import schema
from edgekit.tflite.strip import finished


def test_the_named_tensors_change_and_no_other(student: Any) -> None:
    content = student.converted.models["int8"].flatbuffer
    before = read_file(content)
    _, weights, bias = before.operators[0].inputs
    scales, steps = before.tensors[weights].scales * np.float32(2), np.arange(before.tensors[bias].shape[0], dtype="i4")
    out = before.operators[-1].outputs[0]
    after = read_file(
        rewritten(
            content,
            {
                weights: NewTensor(scales),
                bias: NewTensor(before.tensors[bias].scales, data=steps),
                out: NewTensor(np.array([0.25], np.float32), np.array([7])),
            },
        )
    )
    assert np.array_equal(after.tensors[weights].scales, scales)
    assert np.array_equal(after.tensors[weights].data, before.tensors[weights].data)
    assert np.array_equal(after.tensors[bias].data.view(np.int32), steps)
    assert (after.tensors[out].scales[0], after.tensors[out].zero_points[0]) == (0.25, 7)
    for one, other in zip(before.tensors, after.tensors, strict=True):
        if one.index not in (weights, bias, out):
            assert np.array_equal(one.data, other.data)
            assert np.array_equal(one.scales, other.scales)


def test_a_tensor_that_shared_its_bytes_keeps_them(student: Any) -> None:
    content, classes = student.converted.models["int8"].flatbuffer, schema(writes=True)
    model = classes.ModelT.InitFromObj(classes.Model.GetRootAs(content, 0))
    graph = model.subgraphs[0]
    first, last = (graph.operators[row].inputs[1] for row in (0, -1))
    graph.tensors[last].shape = graph.tensors[first].shape
    graph.tensors[last].buffer = graph.tensors[first].buffer
    shared = finished(model, len(content))
    tensor = read_file(shared).tensors[first]
    after = read_file(rewritten(shared, {int(first): NewTensor(tensor.scales, data=np.zeros(tensor.shape, np.int8))}))
    assert not after.tensors[first].data.any()
    assert np.array_equal(after.tensors[last].data, tensor.data)
