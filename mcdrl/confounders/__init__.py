"""The confounders: what each is (`registry`), frames under graded strengths of it, and scores of frames for it.

Operators act on finished frames, real ones too, of which nothing but the pixels is known, inside the part of the
picture that the optics show; the phantom's scenes are put under the same ones. The two views have a camera to move in
the phantom alone; their counterparts here resample the picture, and the mask with it: see `distance`. Strength 0
changes nothing, and what is drawn at random depends on the frame and the confounder alone, so that strength is all that
differs between two pictures of a row.
"""
