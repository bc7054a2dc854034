"""A model for hospitals that nobody has seen: trained on all sites, with what leaving one out promises of it.

In: artifacts/train_all/<method>/<seed>/, which the training of a cell makes with no site held out; the backbone;
artifacts/report/promises/<method>.json.
Out: artifacts/deploy/<method>/, a model folder to hand on: weights, model.json (`held_out`: null), history.csv, the
backbone up to 64 MB, README.md, and promise.json (Dice at sites left out: their mean with its interval, each, the
worst; false alarms, calibration, what the flag is worth, and of which sites and seeds this is), if the method is in the
study.

Several seeds are one folder: ensemble.json, a model's folder a seed, README.md and promise.json as in each of them, and
one backbone for all.
Training doesn't wait for the study, and new figures of the study train nothing.
"""
