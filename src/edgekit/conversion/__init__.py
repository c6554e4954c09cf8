"""PyTorch to ONNX to .tflite, each step checked. tensorflow lives here."""
