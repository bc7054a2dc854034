"""The endoscopic view: which part of a frame the optics show, and which part a processor drew around it.

Hospitals export what their screens show: the view as a disc, an octagon or a cut square, between black borders, side
panels, position maps, text, clocks and second pictures. A network that is fed the squashed screen meets another scale
and shape of tissue at each of them. So a frame is cut to its view first, wherever frames are read:

    view = looked_at(frame, "auto")              # frame: [H, W, 3] uint8; with a rim, so that no mask loses anything
    square = squash(Image.fromarray(frame), S, view.box)  # cut and squashed to the network's size in one
    inside = resize(network(square), (view.width_px, view.height_px))
    mask = uncut(inside, view, (W, H))           # back at the frame's own size; zero, so no lesion, outside

`cut` and `uncut` are exact inverses inside the box. `View.mask` says which pixels of the frame the optics show, corners
and disc included; it is set a little outwards, and serves to drop calls on what is drawn, not to cut.

How it is found, on a copy of at most 256 pixels a side:

1. `screen`: even areas with sharp edges are drawn by a machine (black or coloured borders, panels, boxes). Tissue that
   is as dark as a border has grain and ends softly. `ground`: so is what fades across the screen around the view.
2. `find`: the largest part of the rest, without text, lines, and what sticks out of its straight sides.
3. `panels`: what isn't even but plain (gradients, textures, patterns of one hue) and ends at a straight line across the
   screen goes, too.
4. `edges`: each side is set to the pixel of the full size.
5. `outline`: straight cuts through the corners, or a disc, whichever the outline fits.

What nothing speaks against stays: a lost lesion costs more than a rest of border. A view beyond which everything is as
black as the border can't be told from it, so a dark rim may be cut; no visible pixel is lost by that.

Public work that this learned from: Muenzer, Schoeffmann and Boeszoermenyi, "Detection of circular content area in
endoscopic videos" (CBMS 2013: intensity edges and a circle through them); Budd et al., "Rapid and robust endoscopic
content area estimation" (arXiv 2210.14771, package torchcontentarea: edge strips, points scored by strength and
direction, circle by RANSAC); Kafetzis et al., "Source-agnostic camera signal extraction from endoscopic images" (PLOS
One 2025, e0325987: a network and a polygon). The first two know one disc on a dark ground, so that octagons, panels and
boxes are out of their reach; the third needs a trained network. Here what is drawn is recognised, rather than what is
seen, since there is less variety in it.
"""

from mcdrl.view.cutting import cut, squash, uncut
from mcdrl.view.find import find_view
from mcdrl.view.rule import MARGIN, looked_at
from mcdrl.view.shape import Box, Kind, View

__all__ = ["MARGIN", "Box", "Kind", "View", "cut", "find_view", "looked_at", "squash", "uncut"]
