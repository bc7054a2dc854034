"""A trained model as a folder: card, weights, backbone, ensemble, the way from a frame to a probability."""
