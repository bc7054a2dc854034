import pytest
import torch

from mcdrl.base.seeds import seed_for
from mcdrl.base.torch_seeds import torch_seeded
from mcdrl.networks import factory
from mcdrl.training.augment import augmented
from tests import stub_sites
from tests.factories import train_params
from tests.projects import ROOT


@pytest.fixture(autouse=True)
def gpus(monkeypatch):
    """GPUs that may not be seeded; where there is none, torch notes the seed for later."""

    def refuse(seed):
        raise AssertionError(f"all GPUs were seeded with {seed}")

    monkeypatch.setattr(torch.cuda, "manual_seed_all", refuse)


def test_draws_inside_are_those_of_the_seed_and_outside_nothing_changes():
    state = torch.random.get_rng_state()
    with torch_seeded(7, torch.device("cpu")):
        drawn = torch.rand(3)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert torch.equal(drawn, torch.rand(3, generator=torch.Generator().manual_seed(7)))
    with pytest.raises(ZeroDivisionError), torch_seeded(7):
        raise ZeroDivisionError
    assert torch.equal(torch.random.get_rng_state(), state)


def test_what_is_drawn_of_parts_and_views_leaves_gpus_alone():
    with factory.seeded(3, "head"):
        assert torch.equal(torch.rand(2), torch.rand(2, generator=torch.Generator().manual_seed(seed_for(3, "head"))))
    augmented(stub_sites.batch(), ["viewpoint", "colour"], 0, train_params().augment)


def test_the_states_of_torch_are_kept_in_one_place():
    files = [path for folder in ("mcdrl", "stages") for path in (ROOT / folder).rglob("*.py")]
    assert [path.name for path in files if "fork_rng(" in path.read_text()] == ["torch_seeds.py"]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
def test_a_gpu_draws_from_the_seed_and_goes_on_as_before():
    device = torch.device("cuda")
    before = torch.cuda.get_rng_state()
    with torch_seeded(7, device):
        one = torch.rand(3, device=device)
    with torch_seeded(7, device):
        assert torch.equal(torch.rand(3, device=device), one)
    assert torch.equal(torch.cuda.get_rng_state(), before)
    with torch_seeded(7):
        torch.rand(3)
    assert torch.equal(torch.cuda.get_rng_state(), before)
