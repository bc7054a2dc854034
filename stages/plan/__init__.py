"""What each name in `methods` stands for, so that a change reruns what it concerns and nothing else.

In: `methods`, `variants`, `train` and `encode.flips` of params.yaml, and the methods' files.
Out: artifacts/plan/<name>.json: the method, a digest of its code, and its whole section `train`. DVC trains a cell anew
when its own plan has changed: another number, or another line in its method's file. stages/encode.json beside them says
what of the frames' features these plans read, so that nothing else is encoded; another number leaves it as it is, and
nothing is encoded anew.
"""
