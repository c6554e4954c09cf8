"""REDUCE_MIN: the least element along any axes."""

from edgekit.compile.ops.reduction import extremum, reduction_operator

OPERATOR = reduction_operator("REDUCE_MIN", "AddReduceMin", extremum("<"))
