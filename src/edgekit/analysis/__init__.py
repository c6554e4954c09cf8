"""Where an int8 model loses what its float model knew."""
