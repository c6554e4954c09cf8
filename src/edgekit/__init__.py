"""edgekit: put a neural network on an ESP32 and know that it works there."""

__version__ = "0.1.0"
