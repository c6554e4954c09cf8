"""One TFLite operator -> one operator of the graph: options checked, shapes recomputed, scales turned into integers."""
