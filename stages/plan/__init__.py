"""What each name in `methods` stands for, so that a change reruns what it concerns and nothing else.

In: `methods`, `variants` and `train` of params.yaml, and the methods' files.
Out: artifacts/plan/<name>.json: the method, a digest of its code, and its whole section `train`. DVC trains a cell anew
when its own plan has changed: another number, or another line in its method's file.
"""
