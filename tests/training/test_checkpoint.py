import errno
import os
import resource
import signal

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from mcdrl.training import checkpoint


@pytest.fixture
def small_files():
    """No file may grow beyond 4 MiB: the nearest that a test comes to a full disk; its own log stays below that."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4 * 2**20, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)


def test_a_checkpoint_that_does_not_fit_is_the_operating_systems_error(tmp_path, small_files):
    method = nn.Linear(1200, 1200)  # 5.5 MiB
    with pytest.raises(OSError, match=os.strerror(errno.EFBIG)):  # not one of safetensors' own, blind to disks
        checkpoint.save(tmp_path, checkpoint.TrainingProgress([], {}), method, torch.optim.AdamW(method.parameters()))
    assert list(tmp_path.iterdir()) == []


def test_a_file_of_weights_that_says_nothing_is_no_checkpoint(tmp_path):
    method = nn.Linear(2, 2)
    optimiser = torch.optim.AdamW(method.parameters())
    checkpoint.save(tmp_path, checkpoint.TrainingProgress([], {}), method, optimiser)
    (place,) = tmp_path.iterdir()
    save_file({"method.weight": torch.zeros(2, 2)}, place)
    assert checkpoint.restore(tmp_path, method, optimiser) is None


def test_it_knows_by_how_many_threads_it_came_about(tmp_path):
    method = nn.Linear(2, 2)
    optimiser = torch.optim.AdamW(method.parameters())
    weights = checkpoint.snapshot(method)
    checkpoint.save(tmp_path, checkpoint.TrainingProgress([], weights, threads=7), method, optimiser)
    assert checkpoint.restore(tmp_path, method, optimiser).threads == 7
    assert checkpoint.TrainingProgress([], weights).threads == torch.get_num_threads()
