import math

import pytest
import torch

from mcdrl.clip.encoder import unit
from mcdrl.methods import prepared
from mcdrl.methods.mcdrl_averaged import estimated_prior
from mcdrl.networks.inputs import open_sites
from mcdrl.networks.texts import read_texts
from mcdrl.study.paths import site_files
from tests import stub_sites
from tests.factories import make_spec, method_params


def test_the_prior_is_the_mean_softmax_by_hand():
    images, z = torch.tensor([[1.0, 0.0], [0.0, 1.0]]), torch.tensor([[1.0, 0.0], [0.6, 0.8]])
    first, second = math.exp(1 / 0.07), math.exp(0.6 / 0.07)
    third, fourth = math.exp(0.0), math.exp(0.8 / 0.07)
    share = (first / (first + second) + third / (third + fourth)) / 2
    assert estimated_prior(images, z, temperature=0.07).tolist() == pytest.approx([share, 1 - share], abs=1e-5)


def test_no_confounder_is_likelier_where_they_say_nothing():
    images = unit(torch.randn(9, 4, generator=torch.Generator().manual_seed(0)), 1)
    torch.testing.assert_close(estimated_prior(images, torch.zeros(5, 4), temperature=0.07), torch.full((5,), 0.2))


@pytest.mark.parametrize("kind", ["uniform", "source"])
def test_the_prior_is_uniform_unless_the_source_sites_are_asked(tmp_path, kind):
    stub_sites.write_study(tmp_path, ["A", "B"])
    texts, _, _ = read_texts(tmp_path / "build_confounders", stub_sites.LESIONS)
    with open_sites({site: site_files(tmp_path, site) for site in "AB"}) as reader:
        cases = ["A/000", "B/003", "A/007"]
        images = torch.from_numpy(reader.images(cases)).float()
        found, blind = (
            prepared("mcdrl_averaged", make_spec(), params, texts, lambda: images).prior
            for params in (
                method_params("mcdrl_averaged", prior=kind, dictionary=dictionary) for dictionary in ("text", "zero")
            )
        )
        assert prepared("mcdrl", make_spec(), method_params("mcdrl"), texts, lambda: images) is texts
    torch.testing.assert_close(blind, torch.full((3,), 1 / 3))
    torch.testing.assert_close(found.sum(), torch.tensor(1.0))
    assert torch.allclose(found, blind) == (kind == "uniform")
