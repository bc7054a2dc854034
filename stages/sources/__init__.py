"""What of the sites' data each training takes, so that a change trains the cells that it concerns and no others.

In: frames, features and mined regions of all sites, the pairs of frames that `audit` found, views.json of `plan`.
Out: artifacts/sources/<held_out>.json for each held-out site, and none.json for what is trained on all sites: digests
of the source sites' files that a training opens, what of their frames is looked at, which of them are copies across
training and validation, and how many frames of the held-out site are at a source site, too.

The protocol of leaving a site out (section 4.1 of arXiv 2508.05008) takes nothing else of that site's: its frames and
masks may change, and what was trained without it stays. `train` depends on these files in place of all sites' data, and
refuses data that are others than they say.
"""
