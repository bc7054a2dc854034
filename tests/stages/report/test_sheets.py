"""Tables as people read them."""

from types import SimpleNamespace

from stages.report.sheets import models_sheet


def test_epochs_are_counted_from_one():
    model = {"sources": ["A", "B"], "best_epoch": 2, "val_dice": 0.75}
    sheet = models_sheet(SimpleNamespace(models={("mcdrl", "C", 0): model}))
    assert dict(zip(sheet.headings, sheet.rows[0], strict=True)) == {
        "method": "mcdrl", "held out": "C", "seed": "0", "trained on": "A, B", "epoch chosen": "3",
        "validation Dice": "0.750",
    }  # fmt: skip
