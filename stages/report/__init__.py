"""Everything that a study found, as tables, figures for `dvc metrics` and `dvc plots`, and one page.

In: the case tables, regions, dictionary, training histories, scores and predictions of all sites, methods and seeds
that params.yaml names, and where there are any: calibration, confidence, attention, exchanges and pooled features
(evaluate), the stress test, lesions matched and frames scored, the known strengths of confounders. Out:
artifacts/report/ (sites.csv, lesions.csv, negatives.csv, comparisons.csv, curves.csv, bars.csv, seeds.csv with several
seeds, detection.csv, froc.csv, stress.csv, trust.csv, flagged.csv, calibration.csv, exchanges.csv and attention.csv
where there is something to tell, metrics.json, promises/<method>.json, index.html). The tables follow section 4 of
arXiv 2508.05008, with intervals, paired tests, the worst site and undefined counts beside the means.

Each topic of the report (`topics`) gives its CSV files, its section of the page and its part of the answer, with which
the page opens (`answer`). The page's frame, tables, charts and overlays are in `mcdrl.drawing`.
"""
