"""What tests and tools share: random models, a fault proxy."""
