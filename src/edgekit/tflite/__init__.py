""".tflite files: read with every index checked, stripped, counted."""
