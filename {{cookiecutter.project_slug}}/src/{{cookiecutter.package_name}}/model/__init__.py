"""The model: what goes in and out, how it is trained, how it predicts."""
