"""mcdrl: lesion segmentation for hospitals that the network has never seen.

The library and its commands; the pipeline that studies it is in `stages`, which the library never imports. The floors,
from the ground: base; view; confounders, metrics; study, artifacts; imaging, clip, renderer, drawing; sites, regions;
networks; methods; training, model; commands; cli. An import runs downwards or along a floor, never both ways between
two rooms.

Tensor letters: B frames, C channels, H W grid, S pixels a side, N regions, D joint width, M confounders, K classes.
"""
