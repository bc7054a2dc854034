"""From frames to probabilities of lesion: encode, mine regions, segment; in steps for the stages, or all the way."""
