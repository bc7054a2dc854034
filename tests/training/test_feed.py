"""Processes share every step, and equal seeds show equal frames."""

from contextlib import contextmanager
from types import SimpleNamespace

import pytest
import torch

from mcdrl.base.errors import InputError
from mcdrl.model.assemble import assemble
from mcdrl.networks.inputs import open_sites, read_cases
from mcdrl.networks.texts import read_texts
from mcdrl.training import feed as feed_module
from mcdrl.training.cell import TrainingJob, make_spec
from mcdrl.training.data import split
from mcdrl.training.feed import Feed
from mcdrl.training.labelled import labelled_cases
from tests import stub_sites
from tests.factories import method_params, train_params

VIEWS = {"mode": "finetune", "views": ["viewpoint", "colour"]}


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    stub_sites.write_study(folder)
    return folder


@contextmanager
def feeds(artifacts, method="baseline", *, world=1, seed=0, sources=("A", "B"), **changes):
    """A feed for each process."""
    params = train_params(**{"batch_size": 8, "head_width": 16, **changes})
    job = TrainingJob(
        method, method, "C", seed, list(sources), artifacts, stub_sites.LESIONS, params, method_params(method)
    )
    cases, (texts, _, _) = read_cases(job.files, job.lesion_classes), read_texts(job.texts, job.lesion_classes)
    frames = split(cases, labelled=labelled_cases(cases, params.labelled_share, seed))
    with open_sites(job.files) as reader:
        spec = make_spec(params, reader.layout, seed)
        of_method = job.method_params, job.backbone, reader.layout.dense_mode, texts
        network = assemble(method, params.mode, spec, *of_method)
        here = {"world_size": world, "device": torch.device("cpu")}
        ranks = [SimpleNamespace(global_rank=rank, is_global_zero=rank == 0, **here) for rank in range(world)]
        yield [Feed(rank, network, reader, frames, params, seed, flips=("horizontal",)) for rank in ranks]


def labelled(feed, epoch=0):
    return torch.stack([batch.frame for batch in feed.labelled(epoch, "a test")])


def test_two_processes_are_shown_what_one_is(artifacts):
    with feeds(artifacts) as (alone,), feeds(artifacts, world=2) as both:
        whole, parts = labelled(alone), [labelled(feed) for feed in both]
    assert len(whole) == alone.steps == both[0].steps
    assert [part.shape[1] for part in parts] == [4, 4]
    assert torch.equal(torch.stack(parts, dim=2).flatten(1, 2), whole)


def test_equal_seeds_show_equal_frames_and_another_epoch_others(artifacts):
    with feeds(artifacts, "unet", **VIEWS) as (feed,), feeds(artifacts, "unet", **VIEWS) as (again,):
        assert torch.equal(labelled(feed), labelled(again))
        assert torch.equal(labelled(feed, 1), labelled(feed, 1))
        assert not torch.equal(labelled(feed), labelled(feed, 1))
        with feeds(artifacts, "unet", seed=1, **VIEWS) as (other,):
            assert not torch.equal(labelled(other), labelled(again))


@pytest.mark.parametrize("changes", [VIEWS, {"erased_share": 0.5}, {"healthy_share": 0.5}])
def test_views_are_of_training_frames_alone(artifacts, changes):
    changes = {"mode": "finetune", "views": [], **changes}
    with (
        feeds(artifacts, "unet", **changes) as (feed,),
        feeds(artifacts, "unet", mode="finetune", views=[]) as (plain,),
    ):
        seen, bare = ([batch.frame for batch in one.validation("a test")] for one in (feed, plain))
        assert all(torch.equal(one, other) for one, other in zip(seen, bare, strict=True))
        assert not torch.equal(labelled(feed), labelled(plain))


def test_frames_that_were_erased_or_patched_are_not_seen_from_near(artifacts, monkeypatch):
    told = []

    def near(batch, _share, _zoom, _seed, apart):
        told.append((batch.frame.clone(), apart))
        return batch

    monkeypatch.setattr(feed_module, "with_healthy_views", near)
    changes = {"mode": "finetune", "views": [], "healthy_share": 0.5}
    with (
        feeds(artifacts, "unet", erased_share=0.5, **changes) as (both,),
        feeds(artifacts, "unet", **changes) as (alone,),
    ):
        labelled(both)
        erased, apart = map(torch.cat, zip(*told, strict=True))
        told.clear()
        labelled(alone)
    assert [one for _, one in told] == [None] * len(told)
    changed = (erased != torch.cat([frame for frame, _ in told])).flatten(1).any(1)
    assert 0 < int(changed.sum()) < len(changed)
    assert torch.equal(apart, changed)


def test_processes_divide_the_validation_frames(artifacts):
    with feeds(artifacts, world=2, batch_size=2) as both:
        parts = [[batch.frame for batch in feed.validation("a test")] for feed in both]
        count = sum(len(batch) for part in parts for batch in part)
        assert count == len(both[0].frames.val)
        assert abs(len(parts[0]) - len(parts[1])) <= 1


def test_frames_without_masks_come_without_them_as_many_a_step(artifacts):
    share = {"mode": "finetune", "views": [], "labelled_share": 0.5, "unlabelled": "patches", "batch_size": 4}
    with feeds(artifacts, "unet", epochs=12, **share) as (feed,):
        batches = list(feed.unlabelled(0))
        assert feed.without_masks
        assert not set(feed.without_masks) & set(feed.frames.train)
    assert [len(batch.frame) for batch in batches] == [4] * feed.steps
    assert not any(batch.mask.any() for batch in batches)
    assert all((batch.lesion_class == -1).all() for batch in batches)


def test_a_step_that_can_not_be_divided_is_refused(artifacts):
    with (
        pytest.raises(InputError, match="8 frames a step can't be divided among 3 processes"),
        feeds(artifacts, world=3),
    ):
        pass


def test_who_takes_what_another_site_s_frames_have_is_refused_with_one_source_site(artifacts, monkeypatch):
    one_site = {"sources": ["A"], "mode": "finetune"}
    refused = pytest.raises(InputError, match=r"the method takes the amplitudes of another site's frame .* one site")
    with monkeypatch.context() as patch:
        patch.setattr("mcdrl.methods.unet.UNet.borrows", "the amplitudes")  # stubs have no encoder for fourier
        with refused, feeds(artifacts, "unet", **one_site):
            pass
    with (
        pytest.raises(InputError, match=r"^train\.views has site_colours, .* of one site; .*leave site_colours out$"),
        feeds(artifacts, "unet", views=["site_colours"], **one_site),
    ):
        pass
    with feeds(artifacts, "unet", views=["viewpoint"], **one_site) as (feed,):
        assert len(labelled(feed)) == feed.steps


@pytest.mark.parametrize("name", ["erased_share", "healthy_share"])
def test_erased_lesions_and_healthy_views_need_two_frames_a_step(artifacts, name):
    told = pytest.raises(InputError, match=rf"{name} 0\.3 takes two frames .* has 1 frame a process; take a larg")
    with told, feeds(artifacts, "unet", mode="finetune", views=[], batch_size=1, **{name: 0.3}):
        pass
