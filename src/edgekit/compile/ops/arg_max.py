"""ARG_MAX along an axis."""

from edgekit.compile.ops.arg_extremum import arg_extremum_operator

OPERATOR = arg_extremum_operator("ARG_MAX", "AddArgMax", ">")
