"""The DAG of mcdrl, a folder a stage; what computes and isn't a stage's own is in `mcdrl`.

phantom ───► ingest ──► encode ──► mine_regions ─► sources ─┐
                          ▲             ▲                   ▼
pretrain ─► backbone ─────┴─► build_confounders ─────────► train ─► evaluate ─► report
                                                             │      (method x held-out site x seed)
                                                             └──► stress
`plan` says what each method's name stands for, how each site is read and what the code of each stage means; `collect`
gathers the tables that `mine_regions` and `evaluate` write in parts; `audit` compares the ingested frames of all sites,
and `train` stops, or leaves frames out, by what it finds; `sources` says for each held-out site what a training takes
of the others' data, so that none runs anew for an edit of the site that it leaves out; `report` shows all of it.
"""
