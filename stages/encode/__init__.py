"""Encode a site's frames once with the frozen encoder (arXiv 2508.05008, MTRS: the dense map C).

In: artifacts/ingest/<site> (frames.h5) and artifacts/backbone.
Out: artifacts/encode/<site>.h5, for every frame the dense joint-space map, the image vector, the intermediate maps and
the prefix that the encoder's trainable suffix starts from, all float16. The masks are not read.
"""
