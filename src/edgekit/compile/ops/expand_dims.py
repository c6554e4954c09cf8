"""EXPAND_DIMS: the same bytes with one dimension more."""

from edgekit.compile.ops.reshape import view_operator

OPERATOR = view_operator("EXPAND_DIMS", "AddExpandDims")
