import pytest
import torch

from mcdrl.base.errors import InputError
from mcdrl.networks.partners import check_lenders, partners


def test_partners_are_of_another_site():
    torch.manual_seed(0)
    site = torch.tensor([0, 0, 1, 2, 2])
    drawn = torch.stack([partners(site) for _ in range(200)])
    assert (site[drawn] != site).all()
    assert set(drawn[:, 0].tolist()) == {2, 3, 4}
    assert set(drawn[:, 2].tolist()) == {0, 1, 3, 4}


def test_a_frame_without_a_partner_stays_itself():
    assert partners(torch.zeros(4, dtype=torch.long)).tolist() == [0, 1, 2, 3]


def test_who_borrows_needs_another_site_and_another_frame():
    asked = "the method takes the amplitudes", "choose another method"
    check_lenders(*asked, [0, 1, 1], 2)
    one_site = (
        "the method takes the amplitudes of another site's frame in the batch, but all training frames are of one"
    )
    with pytest.raises(InputError, match=f"^{one_site} site; add a source site, or choose another method$"):
        check_lenders(*asked, [1, 1, 1], 16)
    with pytest.raises(InputError, match=r"but a step has 1 frame a process; take a larger train\.batch_size, or"):
        check_lenders(*asked, [0, 1], 1)
