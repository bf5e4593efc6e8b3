"""Train, evaluate and export the model. Nothing of this package is in the image."""
