"""A trained network on the site that it has never seen.

In: artifacts/train/<method>/<held_out>/<seed>/, and the held-out site's frames, features and regions.
Out: artifacts/evaluate/parts/<method>/<held_out>/<seed>.parquet (counts and scores a frame) and
artifacts/evaluate/predictions/<method>/<held_out>/<seed>.h5 (probabilities).
Protocol of section 4 of arXiv 2508.05008: "site A" is trained on all others and tested on A. Masks are opened after
the last prediction is written.
"""
