"""What an acceptance comes to, in sentences: on the command line, and at the head of the page."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

from mcdrl.commands.acceptance.outcome import Figure
from mcdrl.commands.acceptance.run import Acceptance
from mcdrl.drawing.formatting import counted, listed, number, percent, span
from mcdrl.metrics.shift import Place, Shift
from mcdrl.metrics.verdict import LEAST_SITES, ExpectedDice, Verdict

_MOST = 10_000  # more patients than this aren't told
_LESION_FRAMES = ("frame with a lesion", "frames with a lesion")
_FEW_QUANTITIES = 3  # that a hospital can be told by: of a black frame there is its view alone
_MANY_SITES = 10  # by which Student's interval is about that of very many


def headline(found: Acceptance) -> str:
    """Return the verdict in one sentence, without a full stop."""
    if not found.labelled:
        return f"{found.name}: no masks, so nobody knows whether the promise is kept"
    return f"{found.name}: {verdict(found)}"


def verdict(found: Acceptance) -> str:
    """Return the verdict with its figures."""
    dice = found.outcome.figures.get("dice")
    if dice is None or found.expected is None:
        return found.verdict.value
    if found.verdict in (Verdict.WORSE, Verdict.BETTER):
        off = [found.expected.mean - one for one in (dice.value, dice.high, dice.low)]
        if found.verdict is Verdict.BETTER:
            off = [-off[0], -off[2], -off[1]]
        return f"{found.verdict.value} by {number(off[0])} ({span(off[1], off[2])})"
    if found.verdict is Verdict.TOO_FEW:
        return f"{found.verdict.value}: {more(found)}"
    return found.verdict.value


def more(found: Acceptance) -> str:
    """Return how many more patients, or frames, would do."""
    if math.isnan(found.more):
        return "none of them has a lesion"
    if found.more > _MOST:
        return "what was found lies on the border of what is expected, so more frames would hardly decide"
    nouns = ("patient or sequence", "patients or sequences") if found.outcome.grouped else _LESION_FRAMES
    wanted = f"{int(found.more)} more {nouns[found.more > 1]}"
    if math.isnan(found.outcome.figures["dice"].low):
        return f"an interval takes {wanted} at least"
    return f"about {wanted} would do"


def points(found: Acceptance) -> list[tuple[str, str]]:
    """Return what a reader asks first, with the answer."""
    return [
        *([("How good", sentence) for sentence in [_good(found)]] if found.labelled else []),
        ("Against the promise", against(found)),
        *([("Where it fails", _fails(found))] if found.labelled else [("What it calls", _calls(found))]),
        ("When to believe it", _believe(found)),
        ("Does the model know such frames", known(found)),
        *([("Without masks", _UNSAID)] if not found.labelled else []),
    ]


_UNSAID = (
    "How good the masks are, which lesions are missed and which alarms are false can't be said: mark the lesions of "
    "some frames, the flagged ones and as many others, and run this again."
)


def against(found: Acceptance) -> str:
    """Return what was promised, and what became of it."""
    if found.promise is None or found.expected is None:
        return f"There is no promise to hold it against: {found.no_promise}."
    worst = found.promise.worst_site
    at = f", the worst {worst} with {number(found.promise.by_site.get(worst))}" if worst else ""
    return (
        f"{counted(found.expected.n_sites, 'site')} that were left out had a Dice of {number(found.expected.mean)} in "
        f"the mean{at}; {_range(found.expected)}. {_so(found)}"
    )


def _range(expected: ExpectedDice) -> str:
    ends = span(expected.low, expected.high)
    if not expected.predicted:
        return f"they had {ends}, and fewer than {LEAST_SITES} sites say nothing of how far others may be off"
    wide = ", wide as the sites are few" if expected.n_sites < _MANY_SITES else ""
    return f"by these a new site is expected at {ends} (95 % prediction interval{wide})"


def _so(found: Acceptance) -> str:
    if not found.labelled:
        return "Whether that is so here can't be told without masks."
    return {
        Verdict.AS_PROMISED: "What was found here doesn't reach below that.",
        Verdict.WORSE: f"All of the interval that was found here lies below it: {verdict(found)}.",
        Verdict.BETTER: f"All of the interval that was found here lies above it: {verdict(found)}.",
        Verdict.TOO_FEW: f"What was found here is too uncertain to tell: {more(found)}.",
        Verdict.TOO_FEW_SITES: _among(found),
        Verdict.TOO_WIDE: "No Dice lies below that, so whatever was found keeps it: the figures tell, not the promise.",
    }[found.verdict]


def _among(found: Acceptance) -> str:
    """Return where what was found lies among the sites that were left out, without a verdict."""
    dice, expected = found.outcome.figures["dice"], found.expected
    if expected is None or not math.isfinite(dice.low):
        return "So there is no verdict."
    if dice.low >= expected.low:
        return "So there is no verdict; what was found here doesn't reach below them."
    where = "lies" if dice.high < expected.low else "reaches"
    return f"So there is no verdict; what was found here {where} below them."


def _good(found: Acceptance) -> str:
    figures = found.outcome.figures
    dice = figures["dice"]
    if not dice.n:
        return "There is no frame with a lesion, so there is no Dice."
    sensitivity = figures["lesion_sensitivity"]
    return (
        f"Dice {with_interval(dice)} over {counted(dice.n, 'frame')} with a lesion{whom(found, dice)}; IoU "
        f"{number(figures['iou'].value)}, NSD {number(figures['nsd'].value)}. It finds {percent(sensitivity.value)} of "
        f"{counted(sensitivity.n, 'lesion')}."
    )


def _fails(found: Acceptance) -> str:
    figures = found.outcome.figures
    alarms, left = figures["false_alarms"], figures["false_alarms_suppressed"]
    said = [f"{number(figures['false_positives'].value, 2)} false positives a frame."]
    if not alarms.n:
        return said[0] + " Every frame has a lesion, so false alarms on frames without one weren't measured."
    promised = f" (promised: {percent(alarms.promised)})" if math.isfinite(alarms.promised) else ""
    said.append(
        f"Something is called on {percent(alarms.value)} of {counted(alarms.n, 'frame')} without a lesion{promised}, "
        f"with --suppress on {percent(left.value)}"
    )
    sensitivity, kept = figures["lesion_sensitivity"], figures["lesion_sensitivity_suppressed"]
    if sensitivity.n:
        said[-1] += f", which costs {percent(sensitivity.value - kept.value)} of the lesions"
    return " ".join(said) + "."


def _calls(found: Acceptance) -> str:
    figures = found.outcome.figures
    return (
        f"It calls lesion {percent(figures['called_share'].value)} of the frames' area, and leaves a lesion in "
        f"{percent(figures['called'].value)} of {counted(figures['called'].n, 'frame')} at its operating point."
    )


def _believe(found: Acceptance) -> str:
    figures = found.outcome.figures
    flagged = figures["flagged"]
    promised = f" (promised: {percent(flagged.promised)})" if math.isfinite(flagged.promised) else ""
    said = f"{percent(flagged.value)} of the frames are flagged{promised}"
    if "dice_flagged" in figures and figures["dice_flagged"].n and figures["dice_unflagged"].n:
        said += (
            f": Dice {number(figures['dice_flagged'].value)} there, {number(figures['dice_unflagged'].value)} elsewhere"
        )
    expected = figures["expected_precision"]
    if expected.n:
        said += f". It expects {percent(expected.value)} of its masks to be lesion"
    if "precision" in figures and figures["precision"].n:
        said += f"; {percent(figures['precision'].value)} are"
    return said + "."


def known(found: Acceptance) -> str:
    """Return whether the hospital lies outside of what the models were trained on."""
    if found.shifts is None:
        return "Unknown: the model's folder doesn't say what its training frames looked like; `mcdrl pack` notes it."
    outside = [one for one in found.shifts if one.place is Place.OUTSIDE]
    if outside:
        told = listed([beside(one) for one in outside])
        return f"No: the hospital lies outside of what the model has seen in {told}."
    edge = [one for one in found.shifts if one.place is Place.EDGE]
    sites = counted(len(found.training), "training site")
    quantities = sum(one.place is not None for one in found.shifts)
    if quantities < _FEW_QUANTITIES:
        return "Unknown: its frames show too little to be measured, as where they are all of one colour."
    if not edge:
        return f"Yes: in all {quantities} quantities it lies among its {sites}."
    named = [one.quantity.title.partition(",")[0] for one in edge]
    usual = round(quantities * 2 / (len(found.training) + 1))  # of k + 1 medians in any order each may be an end one
    return (
        f"In part: nothing lies outside of what it has seen, but {listed(named)} {'lies' if len(edge) == 1 else 'lie'} "
        f"beyond the medians of its {sites} ({len(edge)} of {quantities} quantities; of one more site like them about "
        f"{usual} would)."
    )


def beside(one: Shift) -> str:
    """Return a quantity, and what it is here beside the training sites."""
    digits, (name, _, unit) = one.quantity.digits, one.quantity.title.partition(", ")
    there = f"here {number(one.here, digits)}, training sites {span(one.lowest, one.highest, digits)}"
    return f"{name} ({unit}: {there})" if unit else f"{name} ({there})"


def with_interval(figure: Figure) -> str:
    """Return a figure with its interval, or with why there is none."""
    between = span(figure.low, figure.high, figure.digits)
    return f"{number(figure.value, figure.digits)} ({f'95 % interval {between}' if between else 'no interval'})"


def whom(found: Acceptance, figure: Figure) -> str:
    """Return of how many patients a figure is; where nobody knows, what that means for its interval, if it has one."""
    if not found.outcome.grouped:
        return "" if math.isnan(figure.low) else " (nobody has said of whom, so the interval may be too narrow)"
    return ", of 1 patient or sequence" if figure.groups == 1 else f", of {figure.groups} patients or sequences"


def warnings(found: Acceptance) -> Iterator[tuple[str, str, bool]]:
    """Yield what no figure may be read without: title, words, whether it is an alarm."""
    yield from _of_reading(found)
    yield from _of_figures(found)


def _of_reading(found: Acceptance) -> Iterator[tuple[str, str, bool]]:
    for doubt in found.doubts:
        yield "Masks or colours may be read wrongly; then no figure counts.", f"{doubt[0].upper()}{doubt[1:]}.", True


def _of_figures(found: Acceptance) -> Iterator[tuple[str, str, bool]]:
    if found.labelled and found.verdict is Verdict.WORSE:
        yield (
            "Worse than promised.",
            f"Don't rely on the model here before somebody has looked: {verdict(found)}.",
            True,
        )
    if found.random_weights:
        yield "Random weights.", "A backbone was never trained: these figures mean nothing.", True
    if found.left_out:
        sites = ", ".join(sorted(set(found.left_out.values())))
        words = (
            f"{counted(len(found.left_out), 'frame')} of this folder are among the model's training data ({sites}); "
            "they are left out of every figure. Is this a hospital that the model has never seen?"
        )
        yield "The model has learned from some of these frames.", words, True
    if not found.known.complete:
        known_of = sorted(set(found.known.site_of.values()))
        words = (
            f"The model's folder says it of {listed(known_of)} alone, so nobody knows whether it has seen the others."
            if known_of else
            "The model's folder doesn't say which, so nobody knows whether it has seen these; `mcdrl pack` notes it."
        )  # fmt: skip
        yield "Training frames unknown.", words, False
    if found.outcome.grouped and found.outcome.alone:
        words = f"{counted(found.outcome.alone, 'frame')} count as one each, so intervals may be too narrow."
        yield "Nobody has said of whom some frames are.", words, False
    yield from _of_promise(found)
    if found.refused:
        words = f"{counted(len(found.refused), 'file')} can't be judged: cases.csv says why, frame by frame."
        yield "Files refused.", words, False


def _of_promise(found: Acceptance) -> Iterator[tuple[str, str, bool]]:
    promise = found.promise
    if promise is None:
        return
    if promise.drawn:
        yield (
            "Promise of drawn frames.",
            f"{listed(promise.drawn)} are rendered, so they promise nothing of patients.",
            True,
        )
    if promise.leaked_frames:
        words = f"{promise.leaked_frames} frames of the left-out sites were trained on: the promise is too good."
        yield "Leaked frames.", words, True
    if promise.threshold != found.threshold:
        words = f"It is for masks from {promise.threshold:g} on; these are from {found.threshold:g} on."
        yield "Promise for another threshold.", words, False
    if sorted(promise.further_sizes_px) != sorted(found.further_px):
        there, here = (_asked(sizes_px) for sizes_px in (promise.further_sizes_px, found.further_px))
        yield "Promise for other sizes.", f"It is for networks asked {there}; these were asked {here}.", False
    if found.n_networks > 1:
        words = (
            f"It is of networks by themselves, and {found.n_networks} answer together here, which mostly find a little "
            "more: a promise that is kept says a little less of each."
        )
        yield "Promise for single networks.", words, False


def _asked(further_px: Sequence[int]) -> str:
    return f"at {listed([f'{side} px' for side in further_px])} beside" if further_px else "at their working size alone"


def summary(found: Acceptance) -> list[str]:
    """Return the lines for the command line."""
    reading, figures = (list(_lines(some)) for some in (_of_reading(found), _of_figures(found)))
    return [headline(found), *reading, *(f"{question}: {answer}" for question, answer in points(found)), *figures]


def _lines(told: Iterable[tuple[str, str, bool]]) -> Iterator[str]:
    for title, words, alarm in told:
        yield f"{'warning' if alarm else 'note'}: {title} {words}"
