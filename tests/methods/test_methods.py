from dataclasses import replace
from typing import get_args

import pytest
import torch
from pydantic import ValidationError

from mcdrl.base.errors import InputError
from mcdrl.clip.encoder import Encoded, unit
from mcdrl.clip.lite import LiteLowerBlocks
from mcdrl.clip.lite_trunk import LiteTrunk, imagenet_weights
from mcdrl.methods import build, check_mode, has_own_encoder, modes, names, params_type, prepared
from mcdrl.methods.causalclipseg.masker import Masker
from mcdrl.methods.denseclip.scores import score_entropy
from mcdrl.methods.observed_backdoor.observed import observe
from mcdrl.networks import factory
from mcdrl.networks.interface import Batch, Texts
from mcdrl.networks.intervening import Intervening
from mcdrl.networks.prompted import Prompts
from mcdrl.networks.trunk import EndToEnd, FromCache, Frozen, PixelsOnly, spare_memory
from mcdrl.networks.views import summed
from mcdrl.regions.grid import gather, indices, scatter
from mcdrl.study.modes import CACHED_MODES, PIXEL_MODES
from mcdrl.training.sizes import at_side
from tests.factories import make_spec, small_params
from tests.stub_sites import StubLowerBlocks, StubUpperBlocks

MODES = [*CACHED_MODES, *PIXEL_MODES]
METHODS = names()
PAIRS = [(name, mode) for name in METHODS for mode in MODES if mode in (modes(name) or MODES)]
PLACEBOS = [
    ("front_door", {"mediator": "random"}), ("front_door", {"mediator": "noise"}),
    ("gaussian_backdoor", {"posterior": "random"}), ("observed_backdoor", {"observed": "permuted"}),
    ("pseudo_intervention", {"masked": "random"}),
    ("scale_aware", {"texts": "shuffled"}), ("denseclip", {"texts": "shuffled"}),
    ("causalclipseg", {"mask": "random"}),
]  # fmt: skip
LEARNING = [name for name in METHODS if "dictionary" in params_type(name).model_fields]
DEVICES = sorted({name for name, _ in PLACEBOS})
TRAINED = [
    *((name, mode, {}) for name, mode in PAIRS),
    *((name, mode, {"dictionary": "learned"}) for name, mode in PAIRS if name in LEARNING),
    # in mode finetune the stub's encoder has weights that end in the maps
    *((name, mode, {"head_inputs": "tokens"}) for name, mode in PAIRS if name in LEARNING and mode != "finetune"),
    *((name, mode, placebo) for name, placebo in PLACEBOS for mode in MODES if mode in (modes(name) or MODES)),
]


def _draw(seed, *shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def _texts():
    return Texts(
        unit(_draw(1, 3, 16), -1), unit(_draw(2, 5, 16), -1), unit(_draw(3, 3, 5, 16), -1), torch.full((5,), 0.2)
    )


def _batch(frames=3):
    selected = torch.zeros(frames, 16, dtype=torch.bool)
    selected[:, [1, 5, 6, 11]] = True
    dense = unit(_draw(4, frames, 16, 4, 4), 1)
    maps = {"s4": _draw(5, frames, 6, 8, 8), "s8": _draw(6, frames, 8, 4, 4)}
    return Batch(
        frame=_draw(7, frames, 3, 32, 32).sigmoid(),
        encoded=Encoded(dense, unit(dense.mean((2, 3)), 1), maps, _draw(8, frames, 8, 4, 4)),
        similarity=_draw(9, frames, 4, 4),
        selected=selected.view(frames, 4, 4),
        kept=4,
        mask=(_draw(10, frames, 32, 32) > 1).long(),
        lesion_class=torch.tensor([0, -1, 2][:frames]),
        site=torch.tensor([0, 1, 1][:frames]),
    )


def _trunk(mode, spec):
    makers = {
        "frozen": Frozen, "adapter": lambda: factory.adapter(spec), "suffix": lambda: FromCache(StubUpperBlocks()),
        "partial": lambda: EndToEnd(StubLowerBlocks().frozen(), StubUpperBlocks(), size_px=32),
        "finetune": lambda: EndToEnd(StubLowerBlocks(), StubUpperBlocks(), size_px=32), "pixels": PixelsOnly,
    }  # fmt: skip
    return makers[mode]()


def _method(name, mode="frozen", *, seed=0, texts=None, presence=False, **changes):
    return _with(name, mode, changes, seed=seed, texts=texts, presence=presence)


def _with(name, mode, changes, *, seed=0, texts=None, presence=False):
    spec = make_spec(seed=seed, presence=presence)
    mode = "pixels" if has_own_encoder(name) else mode
    return build(name, spec, _params(name, **changes), _trunk(mode, spec), texts or _texts())


def _params(name, **changes):
    return small_params(name, **{**_own(name, depth=2, heads=4), **changes})


def _own(name, **changes):
    """Those of the changes that the method knows."""
    return {key: value for key, value in changes.items() if key in params_type(name).model_fields}


UNTRAINED = {name: _method(name) for name in METHODS}
INTERVENING = [name for name, method in UNTRAINED.items() if isinstance(method, Intervening)]
GENTLE = [  # begin as the identity
    name for name in INTERVENING if all(block.residual for block in UNTRAINED[name].intervention.blocks)
]


def _woken(method, seed=11):
    generator = torch.Generator().manual_seed(seed)
    for parameter in method.parameters():
        parameter.data += 0.1 * torch.randn(parameter.shape, generator=generator)
    return method


@pytest.mark.parametrize(("name", "mode", "changes"), TRAINED)
def test_every_trained_parameter_gets_a_finite_gradient_and_the_inputs_none(name, mode, changes):
    method, batch = _woken(_with(name, mode, changes)), _batch()
    sum(method.losses(batch, method(batch)).values()).backward()
    gradients = {name: parameter.grad for name, parameter in method.named_parameters() if parameter.requires_grad}
    assert gradients
    for name_, gradient in gradients.items():
        assert gradient is not None, name_
        assert gradient.isfinite().all(), name_
        assert gradient.any(), name_
    assert batch.encoded.dense.grad is None
    assert all(buffer.grad is None for buffer in method.buffers())


@pytest.mark.parametrize(("name", "expected"), [
    ("baseline", {"seg"}), ("no_mtrs", {"seg", "causal", "contrast"}), ("no_cdrl", {"seg", "contrast"}),
    ("mcdrl", {"seg", "causal", "contrast"}), ("mcdrl_literal", {"seg", "causal", "contrast"}),
    ("mcdrl_averaged", {"seg", "causal", "contrast"}), ("clipseg", {"seg"}), ("causalclipseg", {"seg", "adversarial"}),
    ("mixstyle", {"seg"}), ("fourier", {"seg"}), ("unet", {"seg"}), ("counterfactual", {"seg"}), ("nullspace", {"seg"}),
    ("front_door", {"seg"}), ("observed_backdoor", {"seg"}), ("gaussian_backdoor", {"seg", "divergence", "boundary"}),
    ("pseudo_intervention", {"seg", "intervened", "sparsity"}), ("scale_aware", {"seg", "contrast"}),
    ("denseclip", {"seg", "score"}),
])  # fmt: skip
def test_each_method_has_the_terms_of_its_equation(name, expected):
    method, batch = _method(name, "adapter").train(), _batch()
    assert set(method.losses(batch, method(batch))) == expected
    frozen = _method(name)
    assert set(frozen.losses(batch, frozen(batch))) == expected - {"contrast"}


@pytest.mark.parametrize("name", INTERVENING)
def test_before_the_switch_there_is_no_causal_term(name):
    method, batch = _method(name), _batch()
    output = method(batch, intervene=False)
    assert output.causal is None
    assert set(method.losses(batch, output)) == {"seg"}


def test_terms_carry_their_weights():
    batch = _batch()
    one, two = (_woken(_method("mcdrl", lambda_causal=weight)) for weight in (1.0, 2.0))
    terms = [method.losses(batch, method(batch)) for method in (one, two)]
    torch.testing.assert_close(terms[1]["causal"], 2 * terms[0]["causal"])
    off = _method("mcdrl", "adapter", lambda_causal=0.0, lambda_contrast=0.0)
    assert set(off.losses(batch, off(batch))) == {"seg"}


@pytest.mark.parametrize("regions", ["keep", "zero"])
@pytest.mark.parametrize("name", GENTLE)
def test_switching_the_intervention_on_does_not_move_the_logits(name, regions):
    method, batch = _method(name, **_own(name, regions=regions)).eval(), _batch()
    torch.testing.assert_close(method(batch).logits, method(batch, intervene=False).logits)


@pytest.mark.parametrize("name", ["no_mtrs", "mcdrl", "mcdrl_literal"])
def test_the_letter_of_the_paper_moves_them(name):
    method, batch = _method(name, **_own(name, residual=False)).eval(), _batch()
    assert not torch.allclose(method(batch).logits, method(batch, intervene=False).logits, atol=1e-3)


def test_untrained_methods_of_one_seed_agree_as_they_share_the_head():
    batch = _batch()
    for group, regions in ((["baseline", "no_mtrs", "mcdrl"], "keep"), (["no_cdrl", "mcdrl"], "zero")):
        logits = [_method(name, **_own(name, regions=regions)).eval()(batch).logits for name in group]
        for other in logits[1:]:
            torch.testing.assert_close(other, logits[0])
    one, other = (_method("baseline", seed=seed).eval()(batch).logits for seed in (0, 1))
    assert not torch.equal(one, other)


def test_building_leaves_the_random_state_alone_and_ignores_it():
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first = _method("mcdrl", "adapter").state_dict()
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    second = _method("mcdrl", "adapter").state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_places_that_were_not_mined_reach_the_head_only_when_kept():
    batch = _batch()
    elsewhere = batch.encoded.dense.clone()
    elsewhere[:, :, 0, 0] = -elsewhere[:, :, 0, 0]  # place 0 isn't selected
    changed = Batch(**{**vars(batch), "encoded": Encoded(elsewhere, *list(vars(batch.encoded).values())[1:])})
    for blanking in (_method("mcdrl", regions="zero"), _method("no_cdrl")):
        blank = _woken(blanking).eval()
        assert torch.equal(blank(batch).logits, blank(changed).logits)
    kept = _woken(_method("mcdrl", regions="keep")).eval()
    assert not torch.equal(kept(batch).logits, kept(changed).logits)


@pytest.mark.parametrize("name", LEARNING)
def test_a_head_of_tokens_sees_neither_maps_nor_frame(name):
    batch = _batch()
    encoded = batch.encoded
    besides = replace(
        batch,
        frame=1 - batch.frame,
        encoded=replace(encoded, maps={"s4": -encoded.maps["s4"], "s8": -encoded.maps["s8"]}),
    )
    grid = replace(batch, encoded=replace(encoded, dense=unit(_draw(20, *encoded.dense.shape), 1)))
    for inputs in ("tokens", "all"):
        method = _woken(_method(name, head_inputs=inputs, **_own(name, sum_over=[]))).eval()
        logits = method(batch).logits
        assert torch.equal(method(besides).logits, logits) == (inputs == "tokens")
        assert not torch.allclose(method(grid).logits, logits, atol=1e-4)


def test_a_head_of_tokens_starts_as_any_other():
    one, other = (_method("mcdrl", head_inputs=inputs).state_dict() for inputs in ("tokens", "all"))
    assert all(torch.equal(one[name], other[name]) for name in other)


def test_mining_alone_is_not_the_baseline_in_any_mode():
    batch = _batch()
    for mode in CACHED_MODES:
        mining, plain = (_woken(_method(name, mode)).eval() for name in ("no_cdrl", "baseline"))
        assert not torch.allclose(mining(batch).logits, plain(batch).logits, atol=1e-3)


@pytest.mark.parametrize("name", METHODS)
def test_a_method_says_whether_it_intervenes(name):
    method, batch = _method(name, **_own(name, residual=False)).eval(), _batch()
    moved = not torch.equal(method(batch).logits, method(batch, intervene=False).logits)
    assert method.intervenes == moved


@pytest.mark.parametrize(("dictionary", "pulled"), [
    ("text", True), ("learned", True), ("random", False), ("shuffled", False), ("zero", False),
])  # fmt: skip
@pytest.mark.parametrize("name", INTERVENING)
def test_a_control_s_loss_does_not_know_the_texts(name, dictionary, pulled):
    method, batch = _method(name, dictionary=dictionary), _batch()
    assert ("causal" in method.losses(batch, method(batch))) == pulled


def test_no_mtrs_ignores_the_selection():
    batch = _batch()
    other = Batch(**{**vars(batch), "selected": batch.selected.flip(1)})
    method = _woken(_method("no_mtrs")).eval()
    assert torch.equal(method(batch).logits, method(other).logits)
    mining = _woken(_method("mcdrl")).eval()
    assert not torch.equal(mining(batch).logits, mining(other).logits)


def test_the_adapter_starts_as_the_identity_and_keeps_unit_norm():
    batch, adapter = _batch(), factory.adapter(make_spec())
    torch.testing.assert_close(adapter(batch).dense, batch.encoded.dense)
    moved = _woken(adapter)(batch)
    torch.testing.assert_close(moved.dense.norm(dim=1), torch.ones(3, 4, 4))
    torch.testing.assert_close(moved.image_embedding.norm(dim=1), torch.ones(3))


def test_only_the_suffix_counts_as_pretrained():
    assert not _method("baseline", "adapter").trunk.encoder_parameters()
    suffix = _method("baseline", "suffix")
    assert {id(p) for p in suffix.trunk.encoder_parameters()} == {id(p) for p in suffix.trunk.parameters()}


@pytest.mark.parametrize("name", METHODS)
def test_a_frame_s_segmentation_does_not_depend_on_its_neighbours(name):
    method, batch = _woken(_method(name)).eval(), _batch()
    alone = _batch()
    one = Batch(
        frame=alone.frame[:1],
        encoded=Encoded(
            alone.encoded.dense[:1],
            alone.encoded.image_embedding[:1],
            {tap: grid[:1] for tap, grid in alone.encoded.maps.items()},
            alone.encoded.prefix[:1],
        ),
        similarity=alone.similarity[:1],
        selected=alone.selected[:1],
        kept=alone.kept,
        mask=alone.mask[:1],
        lesion_class=alone.lesion_class[:1],
    )
    torch.testing.assert_close(method(one).logits, method(batch).logits[:1], rtol=1e-4, atol=1e-5)


def test_half_precision_and_single_precision_agree():
    method, batch = _woken(_method("mcdrl", regions="zero")).eval(), _batch()
    with torch.autocast("cpu", torch.bfloat16):
        half = method(batch).logits
    assert half.dtype == torch.float32
    torch.testing.assert_close(half, method(batch).logits, rtol=0.1, atol=0.15)


def test_the_average_is_the_weighted_sum_of_what_each_confounder_says():
    texts, batch = _texts(), _batch()
    prior = torch.tensor([0.5, 0.2, 0.0, 0.2, 0.1])
    method = _woken(_method("mcdrl_averaged", texts=replace(texts, prior=prior))).eval()
    summed = method(batch).logits.softmax(1)
    index = indices(batch.selected, batch.kept)
    rows = gather(batch.encoded.dense, index)
    expected = torch.zeros_like(summed)
    for weight, z in zip(prior, method.dictionary(), strict=True):
        moved = method.intervention(rows, torch.stack([z, torch.zeros_like(z)]))
        grid = scatter(batch.encoded.dense, index, moved, regions="keep")
        expected += weight * method.head(batch.encoded.maps, grid, batch.frame).softmax(1)
    torch.testing.assert_close(summed, expected)


def test_a_certain_confounder_makes_training_and_prediction_of_the_average_equal():
    prior = torch.tensor([0.0, 0.0, 1.0, 0.0, 0.0])
    method = _woken(_method("mcdrl_averaged", texts=replace(_texts(), prior=prior)))
    batch = _batch()
    torch.testing.assert_close(method.train()(batch).logits, method.eval()(batch).logits, rtol=1e-4, atol=1e-4)


def test_the_counterfactual_is_the_even_sum_of_what_the_features_say_under_each_confounder():
    texts, batch = _texts(), _batch()
    method = _woken(_method("counterfactual")).eval()
    dense = batch.encoded.dense
    ways = unit(texts.confounders - texts.confounders.mean(0), -1)
    grids = [dense, *[dense + 0.25 * way[None, :, None, None] for way in ways]]  # the features have length one
    answers = [method.head(batch.encoded.maps, grid, batch.frame).softmax(1) for grid in grids]
    torch.testing.assert_close(method(batch).logits.softmax(1), sum(answers) / 6)


def test_the_counterfactual_trains_on_features_moved_along_one_confounder_each(monkeypatch):
    texts, batch, seen = _texts(), _batch(), []
    method = _method("counterfactual").train()
    monkeypatch.setattr(method.head, "forward", lambda _, grid, __: seen.append(grid) or torch.zeros(3, 2, 32, 32))
    ways = unit(texts.confounders - texts.confounders.mean(0), -1)
    drawn = set()
    for _ in range(20):
        method(batch)
        for shift in (seen.pop() - batch.encoded.dense)[:, :, 0, 0]:
            length = float(shift.norm())
            assert length <= 0.5 + 1e-5
            drawn.add("none" if length < 1e-6 else int((ways @ shift).argmax()))
            if length > 1e-6:
                assert float((ways @ shift).max()) == pytest.approx(length, rel=1e-3)
    assert drawn == {"none", 0, 1, 2, 3, 4}


def test_nothing_is_left_along_confounders_and_all_along_classes(monkeypatch):
    texts, batch, seen = _texts(), _batch(), []
    method = _method("nullspace")
    monkeypatch.setattr(method.head, "forward", lambda _, grid, __: seen.append(grid))
    method(batch)
    torch.testing.assert_close(method.span @ method.span.T, torch.eye(4), rtol=0, atol=1e-5)  # five, less their mean
    assert torch.einsum("rd,bdhw->brhw", method.span, seen[0]).abs().max() < 1e-5
    along = [torch.einsum("kd,bdhw->bkhw", texts.classes, grid) for grid in (seen[0], batch.encoded.dense)]
    torch.testing.assert_close(along[0], along[1])
    assert not torch.equal(seen[0], batch.encoded.dense)


def test_the_letter_is_mcdrl_without_residual_and_with_blanks():
    batch = _batch()
    literal = _woken(_method("mcdrl_literal")).eval()
    same = _woken(_method("mcdrl", residual=False, regions="zero")).eval()
    assert torch.equal(literal(batch).logits, same(batch).logits)


def _prompted(name, seen=None):
    texts = replace(_texts(), seen=None if seen is None else torch.tensor(seen))
    return _woken(_method(name, texts=texts))


def _asked_in_training(monkeypatch, method, batch, number):
    texts = method.classes[number].expand(len(batch.frame), -1)
    prompts = Prompts(texts, torch.zeros(len(batch.frame), dtype=torch.bool))
    with monkeypatch.context() as patch:
        patch.setattr(method, "prompts_for", lambda _: prompts)
        return method.train()(batch).logits[:, 1]


@pytest.mark.parametrize("name", ["clipseg", "causalclipseg"])
@pytest.mark.parametrize("seen", [None, [True, True, True], [True, False, True], [False, True, False]])
def test_a_prompted_method_is_asked_afterwards_for_the_classes_of_its_training_and_no_others(monkeypatch, name, seen):
    method, batch = _prompted(name, seen), _batch()
    answers = [
        _asked_in_training(monkeypatch, method, batch, number) for number in range(3) if not seen or seen[number]
    ]
    said = method.eval()(batch).logits[:, 1]
    torch.testing.assert_close(said, torch.stack(answers).amax(0), rtol=1e-4, atol=1e-4)
    assert all(not torch.equal(answers[0], other) for other in answers[1:])


def _draws(seen, lesion_class, held=None, count=3000):
    """Return how often each class was asked for, and how often in vain."""
    method = _prompted("clipseg", seen)
    held = None if held is None else torch.tensor(held).expand(count, -1)
    batch = replace(_batch(), lesion_class=torch.full((count,), lesion_class), held=held)
    torch.manual_seed(0)
    prompts = method.prompts_for(batch)
    asked = (prompts.texts @ method.classes.T).argmax(1)
    torch.manual_seed(0)
    assert torch.equal(method.prompts_for(batch).texts, prompts.texts)
    return torch.bincount(asked, minlength=3) / count, torch.bincount(asked[prompts.absent], minlength=3) / count


@pytest.mark.parametrize(("seen", "lesion_class", "held", "asked", "absent"), [
    ([True, True, True], 1, None, [0.1, 0.8, 0.1], [0.1, 0, 0.1]),
    ([True, True, False], 1, None, [0.2, 0.8, 0], [0.2, 0, 0]),
    ([False, True, False], 1, None, [0, 1, 0], [0, 0, 0]),  # there is nothing that it could be asked for in vain
    ([True, True, True], 1, [True, True, False], [0, 0.8, 0.2], [0, 0, 0.2]),  # it has lesions of two classes
    ([True, False, True], -1, None, [0.5, 0, 0.5], [0, 0, 0]),  # no lesion: the mask is empty anyway
])  # fmt: skip
def test_a_fifth_of_the_frames_is_asked_for_a_class_of_the_training_that_it_lacks(
    seen, lesion_class, held, asked, absent
):
    found = _draws(seen, lesion_class, held)
    torch.testing.assert_close(found[0], torch.tensor(asked).float(), rtol=0, atol=0.03)
    torch.testing.assert_close(found[1], torch.tensor(absent).float(), rtol=0, atol=0.03)
    assert torch.equal(found[0] == 0, torch.tensor(asked) == 0)


@pytest.mark.parametrize("name", ["clipseg", "causalclipseg"])
def test_what_was_asked_for_in_vain_has_an_empty_mask(name):
    method, batch = _prompted(name), _batch()
    absent = torch.tensor([True, False, False])
    output = replace(method(batch), absent=absent)
    nothing = replace(output, absent=None)
    emptied = replace(batch, mask=torch.where(absent[:, None, None], 0, batch.mask))
    assert not torch.equal(emptied.mask, batch.mask)
    terms, expected = method.losses(batch, output), method.losses(emptied, nothing)
    assert terms.keys() == expected.keys()
    assert all(torch.equal(terms[term], expected[term]) for term in terms)


def test_the_masker_works_against_the_confounding_branch_and_everything_else_for_it():
    def adversarial(method):
        torch.manual_seed(3)  # of the prompts
        return method.losses(batch, method(batch))["adversarial"]

    method, batch = _woken(_method("causalclipseg")), replace(_batch(), lesion_class=torch.tensor([0, 1, 2]))
    term = adversarial(method)
    straight = torch.autograd.grad(term, list(method.parameters()), allow_unused=True, materialize_grads=True)
    before = float(term.detach())
    length = sum(float(part.square().sum()) for part in straight) ** 0.5
    for against in ("maskers", "confounding_decoder", "levels", "join"):
        moved = _woken(_method("causalclipseg"))
        for (name, parameter), gradient in zip(moved.named_parameters(), straight, strict=True):
            if name.startswith(against):
                parameter.data -= 0.01 / length * gradient
        after = float(adversarial(moved).detach())
        assert (after > before) == (against == "maskers")


def test_the_levels_get_the_min_part_of_the_game_alone(monkeypatch):
    def gradients(forward):
        method = _woken(_method("causalclipseg"))
        monkeypatch.setattr(Masker, "forward", forward)
        torch.manual_seed(3)  # of the prompts
        method.losses(batch, method(batch))["adversarial"].backward()
        return {name: parameter.grad for name, parameter in method.named_parameters()}

    def unreversed(masker, features):
        mask = masker.mask(features.detach())
        return features * mask, features * (1 - mask)

    def fixed(masker, features):
        mask = masker.mask(features).detach()
        return features * mask, features * (1 - mask)

    batch = _batch()
    ours, straight, frozen = (gradients(forward) for forward in (Masker.forward, unreversed, fixed))
    levels, maskers = ([name for name in ours if name.startswith(part)] for part in ("levels", "maskers"))
    for name in levels:
        torch.testing.assert_close(ours[name], frozen[name])  # as if the mask were a given
    for name in maskers:
        torch.testing.assert_close(ours[name], -straight[name])
        assert ours[name].any()
    assert levels
    assert any(ours[name].any() for name in levels)


def test_nothing_goes_round_the_maskers(monkeypatch):
    method, batch = _woken(_method("causalclipseg")).eval(), _batch()
    said = method(batch).logits
    monkeypatch.setattr(Masker, "mask", lambda _, features: torch.zeros_like(features))
    blank = method(batch).logits
    assert torch.equal(blank, blank[:1].expand_as(blank))
    assert not torch.allclose(said[0], said[1], atol=1e-2)


def test_either_part_has_a_decoder_of_its_own_and_both_are_joined_by_one_layer():
    method, encoded = _woken(_method("causalclipseg")), _batch().encoded
    parts = method.parts(encoded)
    split = [
        masker(level) for masker, level in zip(method.maskers, method.levels(encoded.maps, encoded.dense), strict=True)
    ]
    for part, own in zip(parts, zip(*split, strict=True), strict=True):
        torch.testing.assert_close(part, method.join(torch.cat(own, 1)))
    decoders = [dict(one.named_parameters()) for one in (method.decoder, method.confounding_decoder)]
    assert decoders[0].keys() == decoders[1].keys()
    assert not any(torch.equal(decoders[0][name], decoders[1][name]) for name in decoders[0] if name.endswith("weight"))


def test_denseclip_sets_out_from_the_texts_and_joins_their_scores_to_the_coarsest_map(monkeypatch):
    texts, batch, seen = replace(_texts(), background=unit(_draw(21, 16), 0)), _batch(), []
    method = _method("denseclip", texts=texts).eval()
    monkeypatch.setattr(method.head, "forward", lambda maps, *_: seen.append(maps) or torch.zeros(3, 2, 32, 32))
    named = torch.cat([texts.background[None], texts.classes])
    expected = torch.einsum("bdhw,td->bthw", batch.encoded.dense, named) / 0.07
    method(batch)
    torch.testing.assert_close(seen[0]["s8"][:, :8], batch.encoded.maps["s8"])
    torch.testing.assert_close(seen[0]["s8"][:, 8:], expected, rtol=0, atol=0.02)
    assert torch.equal(seen[0]["s4"], batch.encoded.maps["s4"])
    added = method.refined(batch.encoded) - named
    torch.testing.assert_close(
        added,
        1e-4 * method.context(named.expand(3, -1, -1), batch.encoded.image_embedding, batch.encoded.dense),
        rtol=1e-2,
        atol=1e-6,
    )
    method.gamma.data.fill_(1.0)
    method(batch)
    assert not torch.allclose(seen[1]["s8"][:, 8:], expected, atol=0.1)


def test_denseclip_s_auxiliary_loss_is_on_the_scores_alone_and_carries_its_weight():
    batch = _batch()
    method = _woken(_method("denseclip"))
    output = method.train()(batch)
    term = method.losses(batch, output)["score"]
    torch.testing.assert_close(term, 0.4 * score_entropy(output.scores, batch))
    gradients = {
        name: weight
        for name, weight in zip(
            dict(method.named_parameters()),
            torch.autograd.grad(term, list(method.parameters()), allow_unused=True),
            strict=True,
        )
    }
    assert {name.split(".")[0] for name, gradient in gradients.items() if gradient is not None} == {
        "background",
        "gamma",
        "context",
    }
    assert "score" not in method.losses(batch, method.eval()(batch))


def test_denseclip_s_background_is_the_study_s_phrase_or_a_direction_that_is_drawn_once():
    phrase = unit(_draw(22, 16), 0)
    given = _method("denseclip", texts=replace(_texts(), background=phrase))
    drawn, again, other = (_method("denseclip", seed=seed) for seed in (0, 0, 1))
    torch.testing.assert_close(given.background.data, phrase)
    assert torch.equal(drawn.background, again.background)
    assert not torch.equal(drawn.background, other.background)
    torch.testing.assert_close(drawn.background.norm(), torch.tensor(1.0))
    axes = _with("denseclip", "frozen", {"texts": "shuffled"}, texts=replace(_texts(), background=phrase))
    order = [int((phrase - value).abs().argmin()) for value in axes.background]
    assert order != sorted(order)
    assert torch.equal(axes.classes, _texts().classes[:, order])


@pytest.mark.parametrize("name", ["clipseg", "denseclip"])
def test_a_decoder_s_heads_divide_its_width(name):
    with pytest.raises(ValueError, match=f"3 heads of {name} don't divide train.head_width 32"):
        _method(name, heads=3)


def test_mixed_styles_are_of_training_alone():
    torch.manual_seed(0)
    method, batch = _woken(_method("mixstyle")), _batch()
    plain = _woken(_method("baseline"))(batch).logits
    changed = [not torch.equal(method.train()(batch).logits, plain) for _ in range(40)]
    assert 8 < sum(changed) < 32  # half of the batches
    assert torch.equal(method.eval()(batch).logits, plain)


def test_methods_that_need_pixels_or_caches_say_so():
    with pytest.raises(InputError, match=r"'unet' goes with train\.mode finetune, not with 'frozen'"):
        check_mode("unet", "frozen")
    with pytest.raises(InputError, match=r"'mixstyle' goes with .* frozen or adapter or suffix, not with 'finetune'"):
        check_mode("mixstyle", "finetune")
    assert {mode for name, mode in PAIRS if name == "fourier"} == {"partial", "finetune"}
    assert {mode for name, mode in PAIRS if name == "mcdrl"} == set(MODES)


@pytest.mark.parametrize("changes", [{}, {"share": 0.0}, {"most": 0.0}])
def test_fourier_borrows_amplitudes_where_it_mixes_any(changes):
    assert _method("fourier", "finetune", **changes).borrows == ("" if changes else "the amplitudes")
    assert not _method("mixstyle", "frozen").borrows


def test_fourier_mixes_frames_in_training_alone():
    torch.manual_seed(0)
    method, batch = _woken(_method("fourier", "finetune")), _batch()
    plain = _woken(_method("baseline", "finetune")).load_state_dict(method.state_dict())
    assert not plain.missing_keys
    still = method.eval()(batch).logits
    changed = [not torch.equal(method.train()(batch).logits, still) for _ in range(40)]
    assert 8 < sum(changed) < 32  # half of the batches
    alone = replace(batch, site=torch.zeros(3, dtype=torch.long))  # no other site to mix with
    torch.testing.assert_close(method.train()(alone).logits, still, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(("name", "mode"), [pair for pair in PAIRS if pair[1] in PIXEL_MODES])
def test_a_method_that_sees_pixels_can_be_trained_at_another_side(name, mode):
    method, batch = _woken(_method(name, mode)).train(), at_side(_batch(), 64, 0.25)
    output = method(batch)
    assert output.logits.shape == (3, 2, 64, 64)
    sum(method.losses(batch, output).values()).backward()
    assert all(one.grad is not None and one.grad.isfinite().all() for one in method.parameters() if one.requires_grad)


@pytest.mark.parametrize("name", METHODS)
def test_every_head_drops_channels_of_its_inputs_in_training_alone(name):
    mode = next(mode for mode in MODES if mode in (modes(name) or MODES))
    said = {}
    for share in (0.0, 0.5):
        torch.manual_seed(0)  # of the stub encoder
        spec = make_spec(input_dropout=share)
        trunk = _trunk("pixels" if has_own_encoder(name) else mode, spec)
        method, batch = _woken(build(name, spec, _params(name), trunk, _texts())), _batch()
        with torch.no_grad():
            for training in (False, True):
                torch.manual_seed(3)
                said[share, training] = method.train(training)(batch).logits
    assert torch.equal(said[0.0, False], said[0.5, False])
    assert not torch.allclose(said[0.0, True], said[0.5, True], atol=1e-3)


@pytest.mark.parametrize("name", METHODS)
def test_every_method_s_loss_knows_outlines(name):
    mode = next(mode for mode in MODES if mode in (modes(name) or MODES))
    found = []
    for weight in (0.0, 5.0):
        torch.manual_seed(0)  # of the stub encoder
        spec = make_spec(boundary_weight=weight)
        trunk = _trunk("pixels" if has_own_encoder(name) else mode, spec)
        method, batch = _woken(build(name, spec, _params(name), trunk, _texts())).eval(), _batch()
        with torch.no_grad():
            found.append(method.losses(batch, method(batch))["seg"])
    assert abs(float(found[0] - found[1])) > 1e-4


def test_the_u_net_starts_from_imagenet_and_its_encoder_counts_as_pretrained():
    method = _method("unet")
    weights = imagenet_weights()
    found = method.net.encoder.model.state_dict()
    assert all(torch.equal(found[name], value) for name, value in weights.items())
    pretrained = {id(parameter) for parameter in method.encoder_parameters()}
    assert pretrained == {id(parameter) for parameter in method.net.encoder.parameters()}
    assert len(pretrained) < len(list(method.parameters()))


def test_sparing_memory_changes_neither_names_nor_gradients():
    frames = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    found = []
    for spare in (False, True):
        trunk = EndToEnd(LiteLowerBlocks(LiteTrunk.load(imagenet_weights())), StubUpperBlocks(40), size_px=32)
        names = list(trunk.state_dict())
        if spare:
            spare_memory(trunk)
            assert any("Checkpoint" in type(module).__name__ for module in trunk.modules())
        batch = replace(_batch(2), frame=frames)
        trunk.train()(batch).dense.square().mean((1, 2, 3))[0].backward()
        found.append([parameter.grad for parameter in trunk.parameters()])
        assert list(trunk.state_dict()) == names
    for kept, again in zip(*found, strict=True):
        torch.testing.assert_close(again, kept)


@pytest.mark.parametrize("name", ["viewpoint", "unet_viewpoint", "mcdrl_viewpoint"])
def test_a_sum_over_views_is_made_at_prediction_alone(name):
    method, batch = _woken(_method(name, "partial")), _batch(2)
    batch = replace(batch, frame=torch.nn.functional.interpolate(batch.frame, (64, 64)))
    batch = replace(batch, mask=torch.zeros(2, 64, 64, dtype=torch.long))
    assert method.sums_views
    with torch.no_grad():
        once, found = method.eval().single_pass(batch), method(batch)
        expected = summed(method.single_pass, batch, ["mirror", "distance"], zoom=1.2)
    torch.testing.assert_close(found.logits, expected.logits)
    assert not torch.allclose(found.logits.softmax(1), once.logits.softmax(1), atol=1e-4)
    if name == "viewpoint":  # dropout is off here
        torch.testing.assert_close(method.train()(batch).logits, method.single_pass(batch).logits)
    assert not _method("baseline").sums_views


def test_methods_say_whether_regions_matter_to_them():
    batch = _batch()
    other = replace(batch, selected=batch.selected.flip(1))
    for name, mode in PAIRS:
        method = _woken(_method(name, mode)).eval()
        with torch.no_grad():
            same = torch.equal(method.single_pass(batch).logits, method.single_pass(other).logits)
        assert method.uses_regions != same, (name, mode)


@pytest.mark.parametrize("name", METHODS)
def test_what_a_method_says_of_ignored_pixels_moves_no_loss(name):
    batch = _batch()
    ignored = _draw(12, 3, 32, 32) > 0.5
    batch = replace(batch, mask=torch.where(ignored, 255, batch.mask))
    method = _woken(_method(name, next(mode for one, mode in PAIRS if one == name)))
    output = method(batch)
    further = [key for key in ("confounding", "scores") if hasattr(output, key)]
    maps = [output.logits, *(getattr(output, key) for key in further)]
    terms = method.losses(batch, output)
    for gradient in torch.autograd.grad(sum(terms.values()), maps, retain_graph=True):
        assert not gradient.abs().sum(1)[ignored].any()
        assert gradient.abs().sum(1)[~ignored].all()
    shouted = [torch.where(ignored.unsqueeze(1), 1e3, one) for one in maps]
    changed = replace(output, logits=shouted[0], **dict(zip(further, shouted[1:], strict=True)))
    torch.testing.assert_close(method.losses(batch, changed), terms)


OTHERWISE = {"least": 0.9}  # twice as much leaves the same space


def _otherwise(name, key):
    """Another legal value of a method's number: `OTHERWISE`, or the first of some that its type and bounds allow."""
    kind, params = params_type(name), _params(name)
    value = getattr(params, key)
    if isinstance(value, bool):
        others = [not value]
    elif isinstance(value, str):
        others = get_args(kind.model_fields[key].annotation)
    elif isinstance(value, list):
        others = [value[:1], value[1:]]
    else:
        others = [2 * value, value / 2, value // 2, 0]
    others = [OTHERWISE[key]] if key in OTHERWISE else others
    return next(other for other in others if other != value and _legal(kind, {**params.model_dump(), key: other}))


def _legal(kind, numbers):
    try:
        kind.model_validate(numbers)
    except ValidationError:
        return False
    return True


KNOBS = [(name, key) for name in METHODS for key in params_type(name).model_fields]


def _said(name, changes):
    """Return what a method says in training and at prediction, some draws long."""
    torch.manual_seed(0)  # of the stub encoder
    spec, texts = make_spec(), _texts()
    params = _params(name, **changes)
    mode = next(mode for mode in ("adapter", "partial", "finetune") if mode in (modes(name) or MODES))
    texts = prepared(name, spec, params, texts, lambda: _draw(13, 9, 16))
    trunk = _trunk("pixels" if has_own_encoder(name) else mode, spec)
    method, batch, said = _woken(build(name, spec, params, trunk, texts)), _batch(), []
    with torch.no_grad():
        for draw in range(6):
            torch.manual_seed(draw)
            said += method.train().losses(batch, method(batch)).values()
        return [*said, *method.eval()(batch).logits.flatten()]


@pytest.mark.parametrize(("name", "key"), KNOBS)
def test_every_number_of_a_method_does_something(name, key):
    rest = {"prior": "source"} if key == "prior_temperature" else {}
    before, again, after = (_said(name, rest | more) for more in ({}, {}, {key: _otherwise(name, key)}))
    assert before == again
    assert before != after


BEHIND_THE_HEAD = {
    "front_door": "adjustment", "gaussian_backdoor": "given", "observed_backdoor": "given", "scale_aware": "attention",
}  # fmt: skip
TAUGHT_OTHERWISE = ("observed_backdoor", "pseudo_intervention")  # placebos that are the same network: see KNOBS


@pytest.mark.parametrize(("name", "part"), BEHIND_THE_HEAD.items())
def test_none_of_the_head_s_inputs_goes_round_a_device(name, part):
    method, batch = _woken(_method(name)).eval(), _batch()
    said = method(batch).logits
    getattr(method, part).register_forward_hook(lambda _module, inputs, _output: torch.zeros_like(inputs[0]))
    blank = method(batch).logits
    assert torch.equal(blank, blank[:1].expand_as(blank))
    assert not torch.allclose(said[0], said[1], atol=1e-2)


@pytest.mark.parametrize(("name", "placebo"), PLACEBOS)
def test_a_placebo_is_another_answer_of_as_large_a_network(name, placebo):
    method, null = (_woken(_with(name, "frozen", changes)).eval() for changes in ({}, placebo))
    sizes = [sum(weight.numel() for weight in one.parameters()) for one in (method, null)]
    batch = _batch()
    if name in TAUGHT_OTHERWISE:
        assert torch.equal(method(batch).logits, null(batch).logits)
    else:
        assert not torch.allclose(method(batch).logits, null(batch).logits, atol=1e-3)
    assert sizes[0] == sizes[1] or name == "gaussian_backdoor"  # whose placebo has no posterior


def test_the_gaussian_backdoor_is_the_sum_over_the_prior_whatever_the_frame_s_style():
    method, batch = _woken(_method("gaussian_backdoor")).eval(), _batch()
    gaussians = method.gaussians
    merged = method.head.merged(batch.encoded.maps, batch.encoded.dense, batch.frame)
    expected = torch.zeros(3, 2, 32, 32)
    for share, z in zip(gaussians.prior_logits.softmax(0), gaussians.mean, strict=True):
        given = method.given(merged, z.expand(3, -1))
        expected += share * method.head.answer(given, batch.frame.shape[-2:]).softmax(1)
    torch.testing.assert_close(method(batch).logits.softmax(1), expected)


def test_a_pseudo_intervention_is_the_baseline_at_prediction_and_sees_masked_frames_in_training():
    method, plain, batch = _method("pseudo_intervention", "partial"), _method("baseline", "partial"), _batch()
    plain.load_state_dict(method.state_dict())
    torch.testing.assert_close(method.eval()(batch).logits, plain.eval()(batch).logits)
    torch.manual_seed(0)
    output = method.train()(batch)
    torch.testing.assert_close(output.logits, plain.train()(batch).logits)
    terms = method.losses(batch, output)
    truth = torch.stack([output.masked_mask == 0, output.masked_mask == 1], 1).float()
    expected = -(output.masked_logits.log_softmax(1) * truth).sum(1).mean()
    torch.testing.assert_close(terms["intervened"], expected)
    torch.testing.assert_close(terms["sparsity"], 0.1 * output.sparsity.mean())


def test_scale_aware_draws_the_lesion_to_its_class_in_training_and_where_features_are_trained():
    batch = _batch()
    for mode, trained in (("frozen", False), ("adapter", True), ("partial", True)):
        method = _method("scale_aware", mode)
        assert (method.train()(batch).image_embedding is not None) == trained
        assert method.eval()(batch).image_embedding is None


@pytest.mark.parametrize(("heads", "head_width"), [(3, 32), (16, 16)])
def test_the_front_door_s_heads_divide_tokens_and_what_the_head_ends_with(heads, head_width):
    spec = make_spec(head_width=head_width)
    with pytest.raises(ValueError, match=f"{heads} heads of front_door don't divide the joint width 16 and the"):
        build("front_door", spec, _params("front_door", heads=heads), Frozen(), _texts())


def _with_strata(**changes):
    method = _woken(_method("observed_backdoor", **changes)).eval()
    method.strata.learn(torch.randn(16, method.strata.centres.shape[1], generator=torch.Generator().manual_seed(3)))
    return method


def test_the_observed_backdoor_is_the_sum_over_the_strata_whatever_is_observed():
    method, batch = _with_strata(), _batch()
    merged = method.head.merged(batch.encoded.maps, batch.encoded.dense, batch.frame)
    expected = torch.zeros(3, 2, 32, 32)
    for share, z in zip(method.strata.shares, method.strata.scaled(method.strata.centres), strict=True):
        given = method.given(merged, z.expand(3, -1))
        expected += share * method.head.answer(given, batch.frame.shape[-2:]).softmax(1)
    torch.testing.assert_close(method(batch).logits.softmax(1), expected, rtol=1e-4, atol=1e-5)


def test_the_observed_backdoor_is_trained_given_what_each_frame_shows():
    method, control, batch = _with_strata().train(), _with_strata(sum_over="own"), _batch()
    method.head.dropout.p = 0.0
    control.strata.learn(observe(batch.frame))
    torch.testing.assert_close(method(batch).logits, control(batch).logits)  # in training each frame has its own z
    before = method.strata.counts.sum()
    method(batch)
    assert method.strata.counts.sum() == before + 3
    method.eval()(batch)
    assert method.strata.counts.sum() == before + 3  # a frame to predict says nothing of P(z)


def test_the_placebo_of_the_observed_backdoor_gives_no_frame_its_own_z():
    method, batch = _with_strata(observed="permuted").train(), _batch()
    given = []
    method.given.register_forward_pre_hook(lambda _, inputs: given.append(inputs[1]))
    for _ in range(12):
        method(batch)
        distance = torch.cdist(given.pop(), method.strata.scaled(observe(batch.frame)))
        assert distance.argmin(0).sort().values.tolist() == [0, 1, 2]  # each is somebody's
        assert (distance.argmin(1) != torch.arange(3)).all()


def test_a_frame_alone_has_no_other_s_values():
    """A placebo that fell back on the frame's own would be the device."""
    one = _batch(1)
    with pytest.raises(InputError, match=r"another frame of the step shows, but .* leaves a process one frame"):
        _with_strata(observed="permuted").train()(one)
    assert _with_strata(observed="permuted").eval()(one).logits.isfinite().all()
    assert _with_strata().train()(one).logits.isfinite().all()


@pytest.mark.parametrize(("name", "mode"), PAIRS)
def test_every_method_answers_at_another_size_on_its_grid(name, mode):
    """The trunk of the pixels' modes takes the frames as the batch says, the others find the features so."""
    dense = unit(_draw(4, 2, 16, 8, 8), 1)
    selected = torch.zeros(2, 64, dtype=torch.bool)
    selected[:, ::4] = True
    batch = Batch(
        frame=_draw(7, 2, 3, 64, 64).sigmoid(),
        encoded=Encoded(
            dense, unit(dense.mean((2, 3)), 1), {"s4": _draw(5, 2, 6, 16, 16), "s8": _draw(6, 2, 8, 8, 8)},
            _draw(8, 2, 8, 8, 8),
        ),
        similarity=_draw(9, 2, 8, 8),
        selected=selected.view(2, 8, 8),
        kept=16,
        mask=torch.zeros(2, 64, 64, dtype=torch.long),
        lesion_class=torch.full((2,), -1),
        encoder_px=64,
    )  # fmt: skip
    method = _woken(_method(name, mode)).eval()
    with torch.no_grad():
        found = method(batch).logits
    assert found.shape == (2, 2, 64, 64)
    assert found.isfinite().all()
    assert found[:, 1].std() > 0


def test_the_encoder_sees_frames_at_its_own_side_unless_the_batch_says_otherwise():
    trunk = EndToEnd(StubLowerBlocks(), StubUpperBlocks(), size_px=32)
    batch = replace(_batch(), frame=torch.rand(3, 3, 64, 64))
    assert trunk(batch).maps["s4"].shape[-1] == 8
    assert trunk(replace(batch, encoder_px=64)).maps["s4"].shape[-1] == 16
