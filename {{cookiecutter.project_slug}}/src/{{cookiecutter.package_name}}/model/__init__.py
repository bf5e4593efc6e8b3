"""The model: its schema, the code that predicts with it, and its file."""

import os

# ONNX Runtime sends telemetry unless this is set before it is imported.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
