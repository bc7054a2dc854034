"""Scores of segmentations, their intervals and paired tests; counts come first, everything else is derived.

Conventions: Dice, IoU and the surface metrics are defined on frames with a lesion alone; on frames without one stand
the false-positive flag and area. Undefined is NaN in arrays and null in files, and is never averaged in.
"""
