"""Work that runs side by side: in processes of this machine (`local`) or on a Ray cluster (`ray_cluster`).

In: a function that can be pickled, and items for it. Out: what `units.execute` yields, item by item. Nothing here knows
what the work is.
"""
