"""The 12 confounders as graded operators on finished frames, real ones too, of which nothing but the pixels is known.

Ten of them are the phantom's own operators (`mcdrl.renderer.confounders`), kept inside the part of the picture
that the optics show. The two views have a camera to move in the phantom alone; their counterparts here resample the
picture, and the mask with it: see `views`. Strength 0 changes nothing, and what is drawn at random depends on the
frame and the confounder alone, so that strength is all that differs between two pictures of a row.
"""
