"""Encode a site's frames once with the frozen encoder (arXiv 2508.05008, MTRS: the dense map C).

In: artifacts/ingest/<site>/frames.h5, artifacts/backbone, and artifacts/plan/encode.json: what is read of it.
Out: artifacts/encode/<site>.h5, for every frame the dense joint-space map and the image vector, all float16; where a
method trains on features, also the intermediate maps, the prefix that the encoder's trainable suffix starts from, and
all of that of mirrored frames. The masks are not read.
"""
