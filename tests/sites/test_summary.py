"""What a person reads of a site."""

from PIL import Image

from mcdrl.sites.summary import about_frames, summary
from tests.factories import pass_gate
from tests.sites.site_folder import box_mask, noise, smooth_disc


def test_the_summary_says_it_all(folder):
    for number in range(10):
        folder.pair(f"f{number}", number, lesion=number != 0)
    folder.frame("x.png", noise(20))
    folder.frame("y.png", noise(21))
    folder.mask("gone.png", box_mask())
    folder.mask("f3.png", Image.fromarray(smooth_disc(30, 40)))
    result, _ = pass_gate("A", folder.site(), ["polyp"])
    train, val = (int((result.cases["split"] == side).sum()) for side in ("train", "val"))
    beside = [f"  {line}" for line in about_frames(result)]  # of noise; what they say is tested with drawn frames
    assert [line for line in summary("A", result).splitlines() if line not in beside] == [
        f"A: 10 frames accepted, 1 of them without a lesion, in 10 groups: {train} train, {val} val; 2 in quarantine",
        "  quarantine: 2 x no mask, e.g. images/x.png: expected masks/x.*; where none means no lesion: "
        "missing_mask: no_lesion",
        "  note: 1 x mask not binary, thresholded at 128, e.g. images/f3.png",
        "  note: 1 x mask without a frame, e.g. masks/gone.png: no frame of images/* names it",
    ]
