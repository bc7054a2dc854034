"""How a script here is run, and what it is shown."""

import importlib

import numpy as np
import typer
from PIL import Image
from typer.testing import CliRunner


def script(name):
    return importlib.import_module(f"tests.benchmarks.{name}")


def run(module, *arguments):
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(module.main)
    done = CliRunner().invoke(app, list(map(str, arguments)), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def noise(seed, side=96):
    """A smooth picture with lesions of its own."""
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC)
