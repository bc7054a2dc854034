"""Training a method on source sites: loop, data, optimiser, checkpoints, choice of the epoch."""
