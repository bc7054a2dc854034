"""A trained network on the site that it has never seen.

In: artifacts/train/<method>/<held_out>/<seed>/, and the held-out site's frames, features and regions; of the source
sites a few frames' features, to show them beside it.
Out: artifacts/evaluate/parts/<method>/<held_out>/<seed>/*.parquet (counts and scores a frame, calibration and its bins,
confidence a frame, attention over the dictionary, pooled features before and after the intervention, how good the
regions are, lesions found and false alarms, Dice with the intervention's parts exchanged), held_out_scores.json beside
them, and artifacts/evaluate/predictions/<method>/<held_out>/<seed>.h5 (probabilities).
Protocol of section 4 of arXiv 2508.05008: "site A" is trained on all others and tested on A. A frame's mask is opened
after its prediction is written; the temperature comes with the model.
"""
