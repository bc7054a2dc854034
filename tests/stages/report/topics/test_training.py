"""Curves and models."""

from stages.report.topics.training import models_html


def test_epochs_are_counted_from_one():
    model = {"sources": ["A", "B"], "best_epoch": 2, "val_dice": 0.75}
    table = models_html({("mcdrl", "C", 0): model})
    assert dict(zip(table.headings, table.rows[0], strict=True)) == {
        "method": "mcdrl", "held out": "C", "seed": "0", "trained on": "A, B", "epoch chosen": "3",
        "validation Dice": "0.750",
    }  # fmt: skip
