"""REDUCE_MAX: the greatest element along any axes."""

from edgekit.compile.ops.reduction import extremum, reduction_operator

OPERATOR = reduction_operator("REDUCE_MAX", "AddReduceMax", extremum(">"))
