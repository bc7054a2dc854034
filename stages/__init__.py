"""The DAG of mcdrl, a folder a stage.

phantom ───► ingest ──► encode ──► mine_regions ──┐
                          ▲             ▲         ▼
pretrain ─► backbone ─────┴─► build_confounders ─► train ─► evaluate ─► report
                                                     │      (method x held-out site x seed)
                                                     └──► stress
`collect` gathers the tables that `mine_regions` and `evaluate` write in parts; `core` holds what several
stages share; `cli.py` is the `mcdrl` command for people.

Tensor letters: B frames, C channels, H W grid, S pixels a side, N regions, D joint width, M confounders, K classes.
"""
