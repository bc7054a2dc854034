"""Trains one method for one held-out site, or for none, and one seed (stage two of the paper, sections 3.3 and 3.4).

In: frames, features, mined regions and texts of all sites but the held-out one, of which no file is opened; where none
is held out (`train_all`, for `deploy`), of all.
Out: a model folder: model.safetensors, model.json, history.csv (loss terms and validation Dice an epoch) and dvclive/.

The epoch is chosen by the mean Dice over the validation frames of the source sites. A killed run continues where its
last whole epoch ended, and ends with the same bytes, if it has as many threads; else it says so.
"""
