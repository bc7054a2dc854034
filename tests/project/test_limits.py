"""A limit of the files' size, like a quota or a full disk, ends every writer in one sentence that names the target.

One process tries all writers, as most of the time goes into loading what they write with.
"""

import json
import subprocess
import sys

import pytest

TOO_LARGE = "larger than files may become here: raise the limit (ulimit -f), or choose another file system"
WRITERS = {
    "a table": ("toy.parquet", "write_table"),
    "JSON": ("toy.json", "write_figures"),
    "CSV": ("splits.csv", "write_splits"),
    "a checkpoint": ("last.safetensors", "write_checkpoint"),
    "weights": ("tower.safetensors", "write_weights"),
    "a copied backbone": ("model/backbone/weights.bin", "copy_backbone"),
    "a copied model": ("packed/model.bin", "copy_into_folder"),
    "a frame": ("a.png", "write_png"),
    "an overlay": ("a.jpg", "write_jpeg"),
    "the page": ("report", "write_page"),
    "TorchScript": ("network.pt", "write_torchscript"),
}

CODE = """
import contextlib, io, json, resource, shutil, sys
from pathlib import Path
import numpy as np, pandas as pd, pyarrow as pa, torch
from PIL import Image
from mcdrl.commands.models import export
from mcdrl.commands.models.masks import _save
from mcdrl.base.files import atomic_folder, write_json
from mcdrl.base.runtime import user_errors
from mcdrl.clip.lite import new_joint, new_tower, save_trained
from mcdrl.clip.words import Vocabulary
from mcdrl.model.bundle import bundle
from mcdrl.study.splits import write_splits as to_splits
from mcdrl.artifacts.tables import Table, column
from mcdrl.training import checkpoint
from mcdrl.training.optimiser import make_optimiser
from tests.factories import train_params

noise = np.random.default_rng(0)
linear = torch.nn.Linear(100, 100)
linear.encoder_parameters = list
picture = Image.fromarray(noise.integers(0, 256, (200, 200, 3)).astype(np.uint8))
cases = pd.DataFrame({"case_id": [f"A/{n}" for n in range(3000)], "site": "A", "group_id": "g", "split": "train"})

def write_table(path):
    table = Table("toy/1", pa.schema([column("n", pa.float64())]), key=("n",))
    table.write(pd.DataFrame({"n": noise.random(9000)}), path)
def write_figures(path):
    write_json({"n": list(range(9000))}, path)
def write_splits(path):
    to_splits(cases, path)
def write_checkpoint(path):
    progress = checkpoint.TrainingProgress([], checkpoint.snapshot(linear))
    checkpoint.save(path.parent, progress, linear, make_optimiser(linear, train_params()))
def write_weights(path):
    words = Vocabulary(["polyp"])
    save_trained(new_joint(), new_tower(words), words, path.parent)
def copy_backbone(path):
    bundle(Path(sys.argv[1], "backbone"), path.parent.parent)
def copy_into_folder(path):
    with atomic_folder(path.parent) as partial:
        shutil.copyfile(Path(sys.argv[1], "backbone", "weights.bin"), partial / path.name)
def write_png(path):
    _save(picture, path, "PNG", list)
def write_jpeg(path):
    _save(picture, path, "JPEG", list)
def write_page(path):
    with atomic_folder(path) as partial:
        (partial / "index.html").write_text("<p>" * 9000)
def write_torchscript(path):
    with export.atomic(path) as partial:
        export._write(linear, np.zeros((1, 100), np.float32), "torchscript", partial)

resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))
found = {}
for name, (file, function) in json.loads(sys.argv[2]).items():
    said = io.StringIO()
    with contextlib.redirect_stderr(said):
        try:
            with user_errors():
                globals()[function](Path(sys.argv[1], file))
            code = 0
        except SystemExit as stopped:
            code = stopped.code
    found[name] = [code, said.getvalue()]
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def limited(tmp_path_factory):
    """Return the folder that was written to, and name -> (exit code, what was said)."""
    folder = tmp_path_factory.mktemp("limited")
    (folder / "backbone").mkdir()
    (folder / "backbone" / "weights.bin").write_bytes(bytes(100_000))
    command = [sys.executable, "-W", "ignore", "-c", CODE, str(folder), json.dumps(WRITERS)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder, json.loads(done.stdout)


@pytest.mark.parametrize("name", WRITERS)
def test_a_limit_of_the_files_size_ends_in_a_sentence_that_names_the_target(limited, name):
    folder, found = limited
    assert found[name] == [2, f"error: {folder / WRITERS[name][0]}: {TOO_LARGE}\n"]


def test_nothing_half_written_is_left(limited):
    folder, _ = limited
    assert [path for path in folder.rglob("*") if path.is_file()] == [folder / "backbone" / "weights.bin"]
