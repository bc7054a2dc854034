"""The parts of a stage's tables -> the tables.

In: the parts that `mine_regions` writes for each site and `evaluate` for each method, held-out site and seed.
Out: `mine_regions/quality.parquet` and the tables of `evaluate`, sorted by their keys. Which parts there must be is
taken from params.yaml, never from what lies in the folder, where parts of earlier runs may still be.
"""
