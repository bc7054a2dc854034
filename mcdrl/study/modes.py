"""Which training modes (`train.mode`) do what; apart from the section, which has no digest, as methods rest on it."""

from __future__ import annotations

CACHED_MODES = ("frozen", "adapter", "suffix")  # in which features are read, as they were stored once
PIXEL_MODES = ("partial", "finetune")  # in which frames vary, as they go through the encoder anew each time
ENCODER_MODES = ("suffix", *PIXEL_MODES)  # in which blocks of the encoder's own learn
