"""Stage `build_confounders`: prompts -> the confounder dictionary Z and the class texts, in joint space.

In: the obtained backbone (its text tower alone is used), the prompts in params.yaml.
Out: dictionary.parquet (a row a confounder), classes.parquet (a row a lesion class) and class_confounders.parquet
(a row a class and confounder), with the encoder's fingerprint.
Implements the confounder dictionary and the texts e_k and t_(k,m) of arXiv 2508.05008.
"""
