"""`python -m tests.training.two_processes ARTIFACTS OUT`: a U-Net trained in as many processes as MCDRL_DEVICES says.

Each process writes to OUT what its network keeps beside its weights at every validation, and two statistics' mean.
"""

import sys
from pathlib import Path

import torch
from torch import nn

from mcdrl.training.batch_statistics import average_statistics
from mcdrl.training.cell import TrainingJob
from mcdrl.training.fabric import make_fabric
from mcdrl.training.feed import Feed
from mcdrl.training.loop import Training
from mcdrl.training.run import train
from tests import stub_sites
from tests.factories import small_params, train_params

SWAD = {"average": "swad", "swad": {"checks": 2, "start_patience": 1, "end_patience": 2}}


def main(artifacts, out):
    fabric, seen, trained, feed = make_fabric("32-true"), [], [], Feed.validation
    init = Training.__init__

    def remembered(training, *args, **kwargs):
        init(training, *args, **kwargs)
        trained.append(training)

    def noted(own, label):
        kept = trained[0].method.named_buffers()
        seen.append({name: one.clone() for name, one in kept})
        return feed(own, label)

    Training.__init__, Feed.validation = remembered, noted
    params = train_params(mode="finetune", epochs=2, batch_size=8, head_width=16, lr=0.02, views=[], **SWAD)
    job = TrainingJob("unet", "unet", "C", 0, ["A", "B"], artifacts, stub_sites.LESIONS, params, small_params("unet"))
    train(job, fabric, out / "model")
    norm = nn.BatchNorm2d(2)
    norm.running_mean.fill_(fabric.global_rank)
    norm.running_var.fill_(1 + fabric.global_rank)
    average_statistics(fabric, [norm])
    torch.save({"seen": seen, "mean": norm.state_dict()}, out / f"{fabric.global_rank}.pt")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
