"""Stage `pretrain`: aligns lite0's text tower and projection with its locked image tower on rendered frames.

In: nothing but params.yaml; the frames are rendered here (mcdrl.renderer), the image tower comes from a package.
Out: data/lite0/ with tower.safetensors, words.json and quality.json, which are in git: the stage is frozen in dvc.yaml.
Gives the paper's CLIP (arXiv 2508.05008, target region selection and confounder dictionary) a stand-in without a hub.
"""
