"""SQUEEZE: the same bytes with fewer dimensions."""

from edgekit.compile.ops.reshape import view_operator

OPERATOR = view_operator("SQUEEZE", "AddSqueeze")
