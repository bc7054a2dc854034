"""`mcdrl predict` on a video beside the folder of its frames, and memory: python -m tests.benchmarks.video MODEL

The video pans and zooms over rendered scenes. Each run is a process of its own: wall time, processor time of all
threads, which a busy machine doesn't disturb, and the largest resident set, as the operating system accounts them.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from PIL import Image

from mcdrl.imaging.video.files import open_video
from mcdrl.imaging.video.frames import VideoShape
from mcdrl.imaging.video.writing import COLOURS, written
from tests.moving_phantom import RATE, moving

SIZE = (640, 512)
SCENES, SCENE_PX, SCENE_S = "AC", 896, 10.0  # whose view fills the frame; their side; seconds until the next one


def panned(frames: int) -> Iterator[np.ndarray[Any, np.dtype[np.uint8]]]:
    """Yield the frames of the video, [H, W, 3]."""
    scenes = [Image.fromarray(next(moving(site, 0, 1, SCENE_PX)).image) for site in SCENES]
    for index in range(frames):
        time_s = index / RATE
        scene = scenes[int(time_s / SCENE_S) % len(scenes)]
        width = SIZE[0] * (1 + 0.15 * np.sin(time_s))
        height = width * SIZE[1] / SIZE[0]
        left = (SCENE_PX - width) * (0.5 + 0.3 * np.sin(0.7 * time_s))
        top = (SCENE_PX - height) * (0.5 + 0.3 * np.cos(0.9 * time_s))
        box = (left, top, left + width, top + height)
        yield np.asarray(scene.resize(SIZE, Image.Resampling.BILINEAR, box))


def write_video(path: Path, seconds: int) -> None:
    """Write a video of so many seconds."""
    with written(path, COLOURS, VideoShape(SIZE, Fraction(1, RATE))) as add:
        for pts, frame in enumerate(panned(seconds * RATE)):
            add(frame, pts)


def write_frames(video: Path, folder: Path) -> None:
    """Write the frames of a video as JPEGs."""
    folder.mkdir()
    for frame in open_video(video).frames():
        frame.picture().save(folder / f"{frame.index:05}.jpg", quality=95)


def predict(given: Path, model: Path, *options: str) -> tuple[float, float, float]:
    """Run the command; return wall and processor seconds, and the peak in MiB."""
    with tempfile.TemporaryDirectory() as out:
        command = [sys.executable, "-m", "mcdrl.cli", "predict", str(given), "--model", str(model), "--out", out]
        start = time.perf_counter()
        process = subprocess.Popen([*command, *options], stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"predict {given.name} ended with {status}")
    return time.perf_counter() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def main(
    model: Annotated[Path, typer.Argument(help="A trained model's folder.")],
    seconds: Annotated[list[int] | None, typer.Option(help="Of the videos; the last one is also taken apart.")] = None,
) -> None:
    """Print a line a run."""
    print("what                  frames  frames/s  frames/s of processor time  peak MiB")
    lengths = seconds or [60, 10]
    with tempfile.TemporaryDirectory() as place:
        top = Path(place)
        write_video(top / "one.mp4", 1)
        _, start, _ = predict(top / "one.mp4", model)  # a second of video, which is start-up above all
        for length in lengths:
            write_video(top / f"{length}.mp4", length)
            show(f"video of {length} s", length, predict(top / f"{length}.mp4", model), start)
        last = top / f"{lengths[-1]}.mp4"
        write_frames(last, top / "frames")
        show("with --overlay", lengths[-1], predict(last, model, "--overlay"), start)
        show("its frames as JPEGs", lengths[-1], predict(top / "frames", model), start)
        show("with --overlay", lengths[-1], predict(top / "frames", model, "--overlay"), start)


def show(name: str, seconds: int, run: tuple[float, float, float], start: float) -> None:
    """Print a line; processor time is without that of a video of one second."""
    wall, cpu, peak = run
    frames = seconds * RATE
    print(f"{name:22}{frames:6}{frames / wall:10.1f}{(frames - RATE) / (cpu - start):28.1f}{peak:10.0f}", flush=True)


if __name__ == "__main__":
    typer.run(main)
