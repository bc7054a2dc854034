"""All sites' frames side by side: what they share, how they are split, and in what they differ.

In: `cases.parquet`, `geometry.parquet` and `frames.h5` of every site. Out: `audit.parquet` (pairs of frames that are
one picture), `splits.parquet` (site, group and split of every frame) and `profile.parquet` (brightness, sharpness,
glare and the like of every frame). The protocol of leaving a site out (section 4.1 of the paper) proves something only
where no frame of that site is at another one, too: training stops on such a pair. No mask is read.
"""
