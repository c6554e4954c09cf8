"""Graph -> graph, one file a pass."""
