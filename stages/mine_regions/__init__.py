"""Dense features x class texts -> target regions of every frame, and how good they are.

MTRS, the target region selection of the paper (arXiv 2508.05008): cosine maps against the class texts, their largest
value S^ at each place, the top alpha*H*W places. Runs in seconds, no encoder needed.
In: `encode/<site>.h5`, `build_confounders/classes.parquet`, `ingest/<site>/frames.h5` (masks, for the quality alone).
Out: `regions/<site>.h5`, and one row of `quality.parquet`.
"""
