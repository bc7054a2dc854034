"""Everything that a study found, as tables, figures for `dvc metrics` and `dvc plots`, and one page.

In: the case tables, regions, dictionary, training histories, scores and predictions of all sites, methods and seeds
that params.yaml names. Out: artifacts/report/ (sites.csv, lesions.csv, negatives.csv, comparisons.csv, curves.csv,
bars.csv, seeds.csv with several seeds, metrics.json, index.html). The tables follow section 4 of arXiv 2508.05008,
with intervals, paired tests, the worst site and undefined counts beside the means.
"""
