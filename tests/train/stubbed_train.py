"""`python stubbed_train.py METHOD HELD_OUT SEED ...`: the stage with the stub encoder in the backbone's place."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
import stub_sites

from stages.core.base.runtime import run
from stages.core.clip import load
from stages.train.__main__ import main

load.load_encoder = lambda *_: stub_sites.StubEncoder()
run(main)
