import numpy as np

from mcdrl.training.data import Frames
from mcdrl.training.sampling import epoch_frames


def test_an_epoch_has_each_frame_once_or_classes_with_even_chances():
    kinds = [0] * 700 + [1] * 80 + [2] * 20 + [-1] * 200  # 80 % with a lesion
    cases = [f"A/{place}" for place in range(1000)]
    frames = Frames(cases, [], dict(zip(cases, kinds, strict=True)), {})
    assert epoch_frames(frames, "shuffled", seed=0, epoch=0) == cases
    drawn = epoch_frames(frames, "class_balanced", seed=0, epoch=0)
    assert len(drawn) == 1000
    found = [sum(frames.class_index[case] == kind for case in drawn) / 1000 for kind in (0, 1, 2, -1)]
    np.testing.assert_allclose(found, [0.8 / 3, 0.8 / 3, 0.8 / 3, 0.2], atol=0.05)
    assert drawn == epoch_frames(frames, "class_balanced", seed=0, epoch=0)
    assert drawn != epoch_frames(frames, "class_balanced", seed=0, epoch=1)
    assert drawn != epoch_frames(frames, "class_balanced", seed=1, epoch=0)
