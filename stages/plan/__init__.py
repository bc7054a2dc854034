"""What each name in `methods` stands for and what the code means, so that a change reruns what it concerns.

In: `methods`, `variants`, `method_params`, `train` and `encode.flips` of params.yaml, and the code.
Out: artifacts/plan/methods/<name>.json (the method, a digest of its code, its own numbers, its whole section `train`),
encode.json (what of the frames' features all of them read, so that nothing else is encoded) and code/<stage> (a digest
of what the stage's code means, see `mcdrl.study.code`). DVC runs a stage or a cell anew when its own digest or plan has
changed: another number, or code that does something else.
"""
