"""The values that cross rooms: frozen dataclasses of numpy arrays and plain types."""
