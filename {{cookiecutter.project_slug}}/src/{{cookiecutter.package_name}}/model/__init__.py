"""The model: its schema, the code that predicts with it, and its file."""
