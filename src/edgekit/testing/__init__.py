"""What tests and tools share: models drawn at random, networks of known shape, C built and run on this computer."""
