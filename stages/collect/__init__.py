"""The parts of a table -> the table.

In: the parts that `mine_regions` writes for each site and `evaluate` for each method, held-out site and seed.
Out: `mine_regions/quality.parquet` and `evaluate/cases.parquet`, sorted by their keys. Which parts there must be is
taken from params.yaml, never from what lies in the folder, where parts of earlier runs may still be.
"""
