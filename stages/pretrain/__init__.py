"""Stage `pretrain`: aligns text tower and projection of a small CLIP with its locked image tower, on drawn frames.

In: nothing but params.yaml; the frames are rendered here (mcdrl.renderer), the image tower comes from a package.
Out: data/<name>/ with tower.safetensors, words.json and quality.json, which are in git: the stage is frozen.
Gives the paper's CLIP (arXiv 2508.05008, target region selection and confounder dictionary) a stand-in without a hub.
"""
