"""The registry of operators: what it finds, and what every entry answers."""

import pkgutil

import pytest

from edgekit.compile import ops, supported_ops
from edgekit.compile.operator import Operator
from edgekit.compile.ops import OPERATORS, operator_of
from edgekit.compile.reader import read_graph
from edgekit.testing.random_networks import any_network


def test_a_file_with_an_entry_is_found_under_its_operator_s_name() -> None:
    files = {module.name for module in pkgutil.iter_modules(ops.__path__)}
    assert {code.lower() for code in OPERATORS} <= files
    assert supported_ops() == tuple(sorted(OPERATORS))


@pytest.mark.parametrize("entry", OPERATORS.values(), ids=OPERATORS)
def test_an_entry_knows_its_options_and_tflm_s_name(entry: Operator) -> None:  # type: ignore[type-arg]
    from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

    assert hasattr(schema.BuiltinOperator, entry.code)
    assert not entry.options_kind or hasattr(schema.BuiltinOptions, entry.options_kind)
    assert entry.resolver_method.lower() == f"add{entry.code.replace('_', '').lower()}"


def test_a_node_is_known_by_an_entry_of_its_class() -> None:
    seen = set()
    for seed in (4, 7, 12, 13):
        for op in read_graph(any_network(seed)).ops:
            assert isinstance(op, operator_of(op).node)
            seen.add(op.origins[0].code)
    assert len(seen) > 3
