"""Tells what a process spent on importing; with this folder first in PYTHONPATH, Python loads it at its start.

A process that ends writes a file of JSON into $IMPORTS_TOLD: its arguments, its seconds of processor time, those before
its first import and within imports, and the modules that it has loaded. An import within an import is a part of it.
"""

from __future__ import annotations

import _frozen_importlib as importing  # the very functions that `import` and importlib.import_module call
import atexit
import json
import os
import sys
import threading
import time
from typing import Any

_began_s = time.process_time()
_state = threading.local()
_spent_s: list[float] = []
_find_and_load = importing._find_and_load


def _timed(*arguments: Any) -> Any:
    if getattr(_state, "within", False):
        return _find_and_load(*arguments)
    _state.within, start = True, time.thread_time()
    try:
        return _find_and_load(*arguments)
    finally:
        _state.within = False
        _spent_s.append(time.thread_time() - start)


def _tell(process: int) -> None:
    if os.getpid() != process:  # forked: what it was told of is its parent's
        return
    told = {
        "arguments": sys.orig_argv[1:],
        "cpu_s": time.process_time(),
        "start_s": _began_s + sum(_spent_s),
        "modules": sorted(name for name in sys.modules if name.count(".") < 2),
    }
    with open(os.path.join(os.environ["IMPORTS_TOLD"], f"{process}.json"), "w", encoding="utf-8") as file:
        json.dump(told, file)


importing._find_and_load = _timed
atexit.register(_tell, os.getpid())
