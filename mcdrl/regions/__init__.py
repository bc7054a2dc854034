"""Which places of a frame may be lesion: mined by texts or by a tuned network, laid on the grid, judged."""
