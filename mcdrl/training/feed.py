"""What a training is shown of its frames: epoch by epoch and step by step, drawn, varied and on the device."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing

from lightning_fabric import Fabric

from mcdrl.base.errors import InputError
from mcdrl.base.output import warn
from mcdrl.base.parallel import batches
from mcdrl.base.runtime import progress
from mcdrl.base.seeds import seed_for
from mcdrl.imaging.flips import UNFLIPPED
from mcdrl.networks.inputs import SitesReader, batch_of_rows
from mcdrl.networks.interface import Batch, Method
from mcdrl.networks.partners import check_lenders
from mcdrl.study.sections.train import Params
from mcdrl.training.augment import augmented
from mcdrl.training.data import Frames, epoch_batches
from mcdrl.training.erased import with_erased_lesions
from mcdrl.training.fabric import local_processes
from mcdrl.training.flips import drawn
from mcdrl.training.healthy import with_healthy_views
from mcdrl.training.mining import Miners
from mcdrl.training.patches import patch_batches, shown_without_masks
from mcdrl.training.sampling import epoch_frames
from mcdrl.training.sizes import at_side, check_sides, drawn_side
from mcdrl.training.sources import RowSource, StoredRows, ahead, readers_for, source_for


class Feed:
    """The frames of the source sites, as this process is shown them.

    Attributes:
        frames: which of them are for what.
        steps: of an epoch.
        without_masks: frames that are shown without their masks; empty: none are.
    """

    def __init__(
        self, fabric: Fabric, method: Method, reader: SitesReader, frames: Frames, params: Params, seed: int,
        miners: Miners | None = None, flips: Sequence[str] = (),
    ) -> None:  # fmt: skip
        """Take the frames.

        Args:
            fabric: launched; knows the devices.
            method: says what is read of a frame.
            reader: of the source sites.
            frames: which of them are for what.
            params: numbers.
            seed: of order, flips and views.
            miners: select the regions, on the device; None: they are as stored.
            flips: in which ways training frames are mirrored.

        Raises:
            InputError: the batch can't be divided among the devices, there is no unlabelled frame where some are
                asked for, the encoder can't take frames of further sizes, no frame of another site could lend
                what is asked for, or a step has one frame where two are needed.
        """
        self.frames, self.without_masks = frames, shown_without_masks(frames, params.unlabelled)
        self._fabric, self._trunk, self._reader, self._params, self._seed = fabric, method.trunk, reader, params, seed
        self._miners, self._flips, self._dark_below = miners, flips, method.dark_below
        check_sides(method.trunk, reader.layout.size_px, params.further_sizes_px)
        first = self._batches(0)
        self.steps, self._step_size = len(first), len(first[0])
        sites = [frames.site_index[case] for case in frames.train]
        own_step = self._step_size // fabric.world_size
        for borrower, remedy in self._borrowers(method):
            check_lenders(borrower, remedy, sites, own_step)
        for name, share in (("erased_share", params.erased_share), ("healthy_share", params.healthy_share)):
            if share and own_step < 2:
                raise InputError(
                    f"train.{name} {share:g} takes two frames of a step together, but a step has 1 frame a process; "
                    "take a larger train.batch_size, or write 0"
                )
        self._sources = {True: self._source(frames.train, masks=True)}  # by whether masks are read
        if self.without_masks:
            self._sources[False] = self._source(self.without_masks, masks=False)

    def labelled(self, epoch: int, label: str) -> Generator[Batch, None, None]:
        """Yield what is shown of the frames with masks in an epoch.

        Args:
            epoch: from 0.
            label: what they are read for.
        """
        batches = self._batches(epoch)
        mirrored = [self._drawn_flips(len(cases), epoch, step) for step, cases in enumerate(batches)]
        with closing(self.read(self._own(batches), label, self._own(mirrored))) as read:
            for step, batch in enumerate(read):
                yield self._resized(self._varied(batch, epoch, step), epoch, step)

    def unlabelled(self, epoch: int) -> Generator[Batch, None, None]:
        """Yield what is shown of the frames without masks in an epoch, as many a step as of the others."""
        size, steps = self._step_size, range(self.steps)
        batches = patch_batches(self.without_masks, [size] * self.steps, seed=self._seed, epoch=epoch)
        mirrored = [self._drawn_flips(size, "patches", epoch, step) for step in steps]
        with closing(self._stream(self._own(batches), self._own(mirrored), masks=False)) as read:
            for step, batch in enumerate(read):
                place = "train", self._seed, "patches", epoch, step, self._fabric.global_rank, "augment"
                yield self._resized(self._seen_under_views(batch, seed_for(*place)), epoch, step)

    def validation(self, label: str) -> Generator[Batch, None, None]:
        """Yield this process's part of the validation frames; label: what they are read for."""
        every = list(batches(self.frames.val, self._params.batch_size))
        return self.read(every[self._fabric.global_rank :: self._fabric.world_size], label)

    def read(
        self, batches: list[list[str]], label: str, mirrored: list[list[str]] | None = None
    ) -> Generator[Batch, None, None]:
        """Yield the batches of the given frames, with masks, on the device.

        Args:
            batches: the frames.
            label: what they are read for.
            mirrored: how each of them is flipped; None: not at all.
        """
        with closing(self._stream(batches, mirrored, masks=True)) as read:
            yield from progress(read, label, len(batches))

    def _borrowers(self, method: Method) -> Iterator[tuple[str, str]]:
        """Yield who takes what of another site's frame, and what else may be done."""
        if "site_colours" in self._params.views and not method.trunk.needs_features:
            yield "train.views has site_colours, which takes the colours", "leave site_colours out"
        if method.borrows:
            yield f"the method takes {method.borrows}", "choose another method"

    def _own(self, whole: list[list[str]]) -> list[list[str]]:
        """Return this process's part of every step."""
        return [part[self._fabric.global_rank :: self._fabric.world_size] for part in whole]

    def _stream(
        self, batches: list[list[str]], mirrored: list[list[str]] | None, *, masks: bool
    ) -> Generator[Batch, None, None]:
        classes, sites, device = self.frames.class_index, self.frames.site_index, self._fabric.device
        source, readers = self._sources[masks], readers_for(device, local_processes(self._fabric))
        flips = mirrored or [[UNFLIPPED] * len(cases) for cases in batches]
        views = [list(zip(cases, ways, strict=True)) for cases, ways in zip(batches, flips, strict=True)]
        with closing(ahead(source.rows, views, readers)) as found:
            for cases, rows in zip(batches, found, strict=True):
                kinds = [classes[case] if masks else -1 for case in cases]
                miner = self._miners.of(cases) if self._miners else None
                yield batch_of_rows(
                    rows, kinds, device, [sites[case] for case in cases], miner, dark_below=self._dark_below
                )

    def _source(self, cases: Sequence[str], *, masks: bool) -> RowSource:
        """Return what gives the rows of frames that are trained on, and of those that choose the epoch."""
        device, maps = self._fabric.device, self._miners.taps if self._miners else []
        cached = self._trunk.cached(list(self._reader.layout.map_channels))
        stored = StoredRows(self._reader, cached, maps, masks=masks, pinned=device.type == "cuda")
        shown = [(case, way) for case in cases for way in [UNFLIPPED, *self._flips]]
        views = dict.fromkeys(shown + [(case, UNFLIPPED) for case in self.frames.val if masks])
        source, told = source_for(stored, list(views), device, local_processes(self._fabric))
        if told and self._fabric.is_global_zero:
            warn(told)
        return source

    def _batches(self, epoch: int) -> list[list[str]]:
        cases = epoch_frames(self.frames, self._params.sampling, seed=self._seed, epoch=epoch)
        batches = epoch_batches(cases, self._params.batch_size, seed=self._seed, epoch=epoch)
        size, world = len(batches[0]), self._fabric.world_size
        if size % world:
            raise InputError(f"{size} frames a step can't be divided among {world} processes; change train.batch_size")
        return batches

    def _drawn_flips(self, count: int, *place: str | int) -> list[str]:
        return drawn(count, self._flips, "train", self._seed, *place)

    def _varied(self, batch: Batch, epoch: int, step: int) -> Batch:
        if self._trunk.needs_features:
            return batch
        params, place, apart = self._params, (epoch, step, self._fabric.global_rank), None
        if params.erased_share:
            seed, whole = seed_for("train", self._seed, "erased", *place), batch.frame
            batch = with_erased_lesions(batch, params.erased_share, seed)
            apart = (batch.frame != whole).flatten(1).any(1)  # both of a pair: the one's patch goes with the other's
        if params.healthy_share:
            seed = seed_for("train", self._seed, "near", *place)
            batch = with_healthy_views(batch, params.healthy_share, params.augment.healthy_zoom, seed, apart)
        return self._seen_under_views(batch, seed_for("train", self._seed, "augment", *place))

    def _seen_under_views(self, batch: Batch, seed: int) -> Batch:
        views = self._params.views
        return augmented(batch, views, seed, self._params.augment) if views else batch

    def _resized(self, batch: Batch, epoch: int, step: int) -> Batch:
        """Return the frames at the side that is drawn for the step, the same for all processes."""
        layout, further_px = self._reader.layout, self._params.further_sizes_px
        side_px = drawn_side(layout.size_px, further_px, "train", self._seed, epoch, step)
        return at_side(batch, side_px, layout.alpha)
