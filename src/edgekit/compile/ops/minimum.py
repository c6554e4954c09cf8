"""MINIMUM of two activations, or of an activation and a constant."""

from edgekit.compile.ops.extremum import extremum_operator

OPERATOR = extremum_operator("MINIMUM", "AddMinimum", "<")
