"""Train, evaluate and export the model. This package is not in the image."""
