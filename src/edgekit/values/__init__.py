"""The values that packages hand to each other: frozen dataclasses of numpy arrays and built-in types."""
