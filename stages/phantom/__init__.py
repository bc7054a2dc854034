"""Renders the embedded multi-site phantom: five hospitals A..E with exact lesion masks.

In: the `phantom` section of params.yaml; nothing else.

Out: `data/phantom/<site>/`, laid out like a real site: `images/<name>.png` (RGB), `masks/<name>.png`
(one channel, 0 or 255), `frames.csv` (file, group_id = patient, lesion_class or empty, then the
strength in 0..1 of each confounder that is drawn, 0 = absent) and `contact_sheet.png` for people.

Stands in for the five clinical sites of the paper (arXiv 2508.05008, section on data sets): each
site has its own camera, tissue, mixture of confounders and lesion classes, and three of them tie a
confounder to the lesions. Frame i of a site depends on (seed, site, i) alone.
"""
