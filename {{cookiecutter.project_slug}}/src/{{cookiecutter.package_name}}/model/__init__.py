"""The model: what goes in and out, how it is trained, how it predicts."""

import os

# ONNX Runtime would report its use to its maker, unless it is told not to before it is imported.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
