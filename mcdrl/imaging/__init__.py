"""From image files to frames and masks: decoding, the endoscopic view, borders, flips, outlines, annotations."""
