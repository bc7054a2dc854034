"""Obtain a backbone's weights once, so that everything after it is offline (arXiv 2508.05008: CLIP's two encoders).

In: the backbone's card, data/backbones/<name>.yaml, and `weights.<name>` of params.yaml where the weights don't come
from the card's own source; for the embedded model data/lite0.
Out: artifacts/backbone with card.json (what it is and how it is configured) and weights.safetensors (float32).
"""
