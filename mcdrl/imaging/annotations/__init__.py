"""Files of annotation tools as a frame's lesions: COCO, LabelMe, CVAT and YOLO, a reader a file.

Every reader gives `Annotated`: for each frame that the files name, what is marked in it and with which label. One rule
draws all of it (`shapes`): coordinates are those of the picture's plane, (0, 0) being the upper left corner of the
first pixel, and a pixel belongs to a shape whose inside its centre is in. Polygons are filled by pycocotools, whose
outline differs from that rule by less than half a pixel; run lengths, bitmaps and boxes are exact.
"""
