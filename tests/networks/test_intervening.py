"""What methods share that intervene."""

import pytest
import torch

from mcdrl.methods.mcdrl import MCDRL
from mcdrl.methods.no_mtrs import NoMTRS
from mcdrl.networks.trunk import Frozen
from tests.factories import make_spec, make_texts, method_params

SPEC = make_spec()


def _texts():
    return make_texts(2, 3, SPEC.width, torch.Generator().manual_seed(0))


def _built(kind, name, seed=0, **changes):
    return kind(make_spec(seed=seed), method_params(name, **{"heads": 2, **changes}), Frozen(), _texts())


def _equal(one, other):
    return all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))


def test_an_intervention_starts_from_the_seed_and_its_own_name_whatever_the_method():
    one, other = _built(MCDRL, "mcdrl"), _built(NoMTRS, "no_mtrs")
    assert _equal(one.intervention, other.intervention)
    assert not _equal(one.intervention, _built(MCDRL, "mcdrl", seed=1).intervention)


def test_the_dictionary_is_the_texts_or_a_control_that_goes_without_the_causal_loss():
    assert torch.equal(_built(MCDRL, "mcdrl").dictionary(), _texts().confounders)
    assert _built(MCDRL, "mcdrl").causal.weight > 0
    control = _built(MCDRL, "mcdrl", dictionary="zero")
    assert control.causal.weight == 0
    assert not control.dictionary().any()


def test_heads_that_do_not_divide_the_width_are_refused_with_those_that_do():
    with pytest.raises(ValueError, match=rf"5 heads don't divide the joint width {SPEC.width}; legal: \[1, 2, 4"):
        _built(MCDRL, "mcdrl", heads=5)
