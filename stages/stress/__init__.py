"""Held-out frames under each confounder, of growing strength: how much Dice does that cost a method?

In: artifacts/train (the models), artifacts/ingest/<held_out> (a few frames with a lesion a site, the same for every
method) and artifacts/backbone.
Out: artifacts/stress/cases.parquet, pixel counts and Dice for every (method, held-out site, seed, confounder, strength,
frame), from which `mcdrl.metrics.robustness` makes curves and the area below them. The operators are those of
`mcdrl.confounders`; each picture is encoded once for all models of its site. Nothing is trained or chosen here.

The paper (arXiv 2508.05008) claims that the intervention removes what these confounders do, but never varies one.
"""
