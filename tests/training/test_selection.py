import pytest
from pydantic import ValidationError

from mcdrl.training.selection import Epoch, best_validation_epoch
from tests.factories import train_params


def _history(*dice):
    return [Epoch(epoch, {}, value) for epoch, value in enumerate(dice)]


def test_the_best_validation_epoch_is_the_earliest_of_the_highest():
    assert best_validation_epoch(_history(0.1, 0.7, 0.3, 0.7), first=0) == 1
    assert best_validation_epoch(_history(0.0, 0.0), first=0) == 0


def test_epochs_before_the_first_that_counts_are_chosen_only_among_themselves():
    assert best_validation_epoch(_history(0.9, 0.1, 0.2, 0.2), first=1) == 2
    assert best_validation_epoch(_history(0.9, 0.95), first=2) == 1


@pytest.mark.parametrize("intervene_from", [3, 4])
def test_an_intervention_that_would_never_be_on_is_refused(intervene_from):
    with pytest.raises(ValidationError, match=rf"intervene_from {intervene_from} is not below epochs 3: .* never"):
        train_params(epochs=3, intervene_from=intervene_from)
    assert train_params(epochs=3, intervene_from=2).intervene_from == 2
