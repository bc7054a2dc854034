"""What a training leaves behind for people: history.csv and dvclive's files. No clock is in either."""

from __future__ import annotations

import csv
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mcdrl.base.files import atomic
from mcdrl.base.runtime import loading
from mcdrl.training.selection import Epoch


def write_history(history: Sequence[Epoch], path: Path) -> None:
    """Write one row an epoch: epoch, the terms of the loss (empty where one wasn't active), val_dice."""
    names = sorted({name for record in history for name in record.losses})
    with atomic(path) as partial, partial.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["epoch", *names, "val_dice"])
        for record in history:
            values = [record.losses.get(name, "") for name in names]
            writer.writerow([record.epoch, *values, record.val_dice])


def show(record: Epoch, epochs: int) -> None:
    """Print a line on an epoch to stderr."""
    losses = ", ".join(f"{name} {value:.4f}" for name, value in record.losses.items())
    line = f"epoch {record.epoch + 1}/{epochs}: {losses}, validation Dice {record.val_dice:.4f}"
    print(line, file=sys.stderr, flush=True)


class LiveLog:
    """dvclive's files, which `dvc plots` and the editors follow while the training runs."""

    def __init__(self, folder: Path, history: Sequence[Epoch]) -> None:
        """Start anew in `folder` and replay the finished epochs, which a resumed run has.

        Nothing is logged in a git repository without a commit, in which dvclive can't start.
        """
        with loading():  # half a second
            from dvc.scm import SCMError, map_scm_exception
            from dvclive.live import Live

        self._live: Any = None
        try:
            with map_scm_exception():
                self._live = Live(dir=str(folder), dvcyaml=False, save_dvc_exp=False, monitor_system=False)
        except SCMError:
            print("note: no dvclive files, as this git repository has no commit", file=sys.stderr, flush=True)
        for record in history:
            self.add(record)

    def add(self, record: Epoch) -> None:
        """Log one epoch."""
        if self._live is None:
            return
        for name, value in sorted(record.losses.items()):
            self._live.log_metric(f"loss/{name}", value)
        self._live.log_metric("val_dice", record.val_dice)
        self._live.next_step()

    def close(self) -> None:
        """End the log."""
        if self._live is not None:
            self._live.end()
