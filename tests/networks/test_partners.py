import torch

from mcdrl.networks.partners import partners


def test_partners_are_of_another_site():
    torch.manual_seed(0)
    site = torch.tensor([0, 0, 1, 2, 2])
    drawn = torch.stack([partners(site) for _ in range(200)])
    assert (site[drawn] != site).all()
    assert set(drawn[:, 0].tolist()) == {2, 3, 4}
    assert set(drawn[:, 2].tolist()) == {0, 1, 3, 4}


def test_a_frame_without_a_partner_stays_itself():
    assert partners(torch.zeros(4, dtype=torch.long)).tolist() == [0, 1, 2, 3]
