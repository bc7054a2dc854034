"""Videos, as files that hold frames in the order of time: read frame by frame, and written with the same times."""
