"""Where networks run: a fact of the machine, so an option and no parameter."""

from __future__ import annotations

import torch

from mcdrl.base.errors import InputError


def pick_device(name: str) -> torch.device:
    """Return the device of that name; auto: the GPU if there is one, else the CPU.

    Raises:
        InputError: there is no such device here.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise InputError(f"--device {name} can't be used here ({reason}); use auto or cpu") from None
    return device
