"""`python stubbed_train.py METHOD HELD_OUT SEED ...`: the stage with the stub encoder in the backbone's place."""

from mcdrl.base.runtime import run
from mcdrl.clip import load
from stages.train.__main__ import main
from tests import stub_sites

load.load_encoder = lambda *_: stub_sites.StubEncoder()
run(main)
