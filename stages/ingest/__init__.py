"""A site's folder of frames and masks -> checked, resized frames and a table of cases.

In: the folder that `sites.<name>` of params.yaml and its card in data/sites describe, as a hospital or a public data
set ships it: frames with masks or with polygons, classes and groups by table, folder or name.
Out: `cases.parquet` (a row a frame), `quarantine.parquet` (every file that was refused, and why), `frames.h5`
(frames and masks squashed to the working size, as in section 4.1 of the paper: 224 x 224, and the masks at their own),
`geometry.parquet` (what of each frame that is, and the black borders, panels and text beside the view).
Nothing is dropped silently: a file that the pattern names is a case, some case's mask, or in quarantine.
"""
