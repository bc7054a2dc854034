"""What names of methods stand for, how sites are read and what code means, so that a change reruns what it concerns.

In: `methods`, `deploy.methods`, `variants`, `method_params`, `train`, `encode.flips` and `sites` of params.yaml, the
site cards, and the code.
Out: artifacts/plan/methods/<name>.json (the method, a digest of its code, its own numbers, its whole section `train`),
deploy/<name>.json (the same, of what is trained on all sites),
sites/<site>.json (its folder and how it is read, card and own keys in one), views.json (what of that a model has to
know), encode.json (what of the frames' features all methods read, so that nothing else is encoded) and code/<stage> (a
digest of what the stage's code means, see `mcdrl.study.code`). DVC runs a stage or a cell anew when its own digest or
plan has changed: another number, or code that does something else.
"""
