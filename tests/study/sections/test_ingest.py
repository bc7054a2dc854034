import pytest

from mcdrl.study.sections.ingest import Params


@pytest.mark.parametrize(
    ("key", "value"), [("size_px", 60), ("size_px", 1028), ("size_px", 226), ("val_share", 0), ("val_share", 0.5)]
)
def test_params_out_of_range(key, value):
    with pytest.raises(ValueError, match=key):
        Params.model_validate({key: value})
