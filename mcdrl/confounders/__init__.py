"""The confounders: what each is (`registry`), frames under graded strengths of it, and scores of frames for it.

Operators act on finished frames, real ones too, of which nothing but the pixels is known, inside the part of the
picture that the optics show; the phantom's scenes are put under the same ones. The two views have a camera to move in
the phantom alone; their counterparts here resample the picture, and the mask with it: see `distance`. At strength
0 a frame stays as it is. What is drawn at random starts from a seed of the frame's and the confounder's alone; where a
confounder consists of so many pools, bubbles or spots, their number grows with strength, and later ones lie elsewhere.
"""
