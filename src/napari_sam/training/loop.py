"""The training loop: resumable, with a hard time limit."""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import asdict
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from napari_sam.errors import DataError
from napari_sam.libraries import keep_triton_out
from napari_sam.models.cells.network import CellsNetwork
from napari_sam.training.answering import answer
from napari_sam.training.averaging import WeightAverage
from napari_sam.training.batches import Batch, Batches, loaded
from napari_sam.training.checkpoints import load_checkpoint, save_checkpoint
from napari_sam.training.crops import AnnotatedPlane, AnnotatedWindow
from napari_sam.training.curves import draw_curves
from napari_sam.training.distilling import Teacher
from napari_sam.training.echoing import echoed
from napari_sam.training.losses import (
    instance_loss,
    inward_loss,
    size_loss,
)
from napari_sam.training.monitor import monitor
from napari_sam.training.sampling import Fresh
from napari_sam.training.settings import RunSettings
from napari_sam.training.warm_start import adopt

__all__ = ["Trainer"]


class Trainer:
    """Holds the network, its average and its optimiser; runs steps until the time is up.

    Parameters
    ----------
    planes : sequence of AnnotatedPlane
    folder : str or Path
        Where checkpoints, log and curves go.
    settings : RunSettings
    facts : dict, optional
        Kept in every checkpoint.
    windows : sequence of (family, AnnotatedWindow)
        Validation windows; without any the last checkpoint is all there is.
    say : callable
    network : CellsNetwork, optional
        By default a new one of the first architecture.
    fresh : callable, optional
        Gives new planes of generated families while it runs, see
        `napari_sam.training.sampling.WindowStream`.
    teacher : dict, optional
        A checkpoint of a trained network of the same widths, see
        `napari_sam.training.distilling`.
    clock : callable
        Seconds that the limits of `settings` are measured in; `time.process_time` compares
        runs on a machine that does other work too.
    """

    def __init__(
        self,
        planes: Sequence[AnnotatedPlane],
        folder: str | Path,
        settings: RunSettings,
        facts: dict | None = None,
        windows: Sequence[tuple[str, AnnotatedWindow]] = (),
        say: Callable[[str], None] = print,
        *,
        network: CellsNetwork | None = None,
        teacher: dict | None = None,
        fresh: Fresh | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.settings, self.folder, self.say = settings, Path(folder), say
        self.clock = clock
        self.windows = windows
        self.look_seconds = 0.0
        self.best = -1.0
        if settings.threads:
            torch.set_num_threads(settings.threads)
        name = settings.device
        if name == "auto":
            name = "cuda" if torch.cuda.is_available() else "cpu"
        self.device = torch.device(name)
        torch.manual_seed(settings.seed)
        network = CellsNetwork() if network is None else network
        self.network = network.to(self.device, memory_format=torch.channels_last)
        self.teacher = None
        if teacher is not None:
            self.teacher = Teacher.of(teacher, self.device)
        self.taught = 1.0 if teacher is not None else 0.0
        self.average = WeightAverage(self.network)
        keep_triton_out()  # torch imports Triton for its first optimiser
        self.optimiser = torch.optim.AdamW(
            self.network.parameters(),
            settings.learning_rate,
            weight_decay=1e-3,
            fused=self.device.type == "cuda",
        )
        self.planes, self.fresh = planes, fresh
        self.generator = torch.Generator().manual_seed(settings.seed)
        self.windows_seen = self.steps = 0
        self.minutes_before = 0.0
        self.history: list[dict] = []
        self.facts = dict(facts or {}, config=self.network.config)

    # -- learning --------------------------------------------------------------------------
    @cached_property
    def batches(self) -> Iterator[Batch]:
        """Where batches come from, begun when the first is wanted."""
        through = self.network.presence is not None
        seed = self.settings.seed + self.windows_seen
        drawn = Batches(self.planes, self.settings, seed, fresh=self.fresh, through=through)
        batches = loaded(drawn, self.settings.workers, self.device)
        if not self.settings.workers:
            return batches
        return echoed(batches, np.random.default_rng(seed))

    def step(self, prompts: bool = False) -> dict[str, Tensor]:
        """Take one step by a new batch; returns the losses and, with prompts, IoU figures."""
        return self.learn(next(self.batches), prompts)

    def learn(self, batch: Batch, prompts: bool = False) -> dict[str, Tensor]:
        """Take one step by a batch on the network's device."""
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.half):
            features = self.network.encode(batch.image)
            maps = self.network.instances(features)
            sizes = self.network.sizes(features)
        losses = {
            "instance_loss": instance_loss(maps[:, :3], batch.targets),
            "size_error": size_loss(sizes, batch.sizes),
        }
        if maps.shape[1] > 3:
            losses["inward_error"] = inward_loss(maps[:, 3:], batch.inward)
        if self.teacher is not None and self.taught > 0:
            with torch.autocast(self.device.type, torch.bfloat16, enabled=self.half):
                seen = self.teacher.look(batch.image)
            losses["teacher_loss"] = self.taught * self.teacher.loss(seen, features, maps)
        figures = {name: value.detach() for name, value in losses.items()}
        loss = torch.stack(list(losses.values())).sum()
        if prompts and batch.asked is not None:
            answered = answer(self.network, features, batch.asked, self.generator, self.half)
            for part, value in answered.items():
                if part.endswith("_loss"):
                    loss = loss + value
                figures[part] = value.detach()
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(
            [p for p in self.network.parameters() if p.grad is not None], 2.0
        )
        self.optimiser.step()
        self.average.update(self.network)
        self.windows_seen += len(batch)
        self.steps += 1
        return figures

    # -- running ---------------------------------------------------------------------------
    def choose_precision(self) -> None:
        """Time a step in float32 and in bfloat16 and keep the faster."""
        wanted = self.settings.precision
        if wanted != "auto" or self.device.type == "cuda":
            self.half = wanted != "float32"
            return
        seconds = {False: np.inf, True: np.inf}
        for _ in range(3):  # the best of three, because other work may disturb one
            for half in (False, True):
                self.half = half
                start = time.perf_counter()
                self.step()
                seconds[half] = min(seconds[half], time.perf_counter() - start)
        self.half = seconds[True] < 0.9 * seconds[False]
        self.say(f"float32 {seconds[False]:.2f} s, bfloat16 {seconds[True]:.2f} s per step")

    def rate(self, share: float) -> float:
        """Learning rate at a share (0 to 1) of this call's time."""
        warm = min(1.0, (self.steps + 1) / 150)
        return self.settings.learning_rate * warm * (0.04 + 0.96 * min(1, (1 - share) / 0.4))

    def run(self) -> None:
        """Train until the time is up, the last look at validation included."""
        start = self.clock()
        # a person and a kill wait by the clock on the wall, whatever the limits are measured in
        saved = noted = looked = time.monotonic()
        self.network.train()
        self.choose_precision()
        # tensors stay where they are until a row is written: a GPU need not wait
        sums: dict[str, list[Tensor]] = {}
        alone = (self.settings.instance_minutes - self.minutes_before) / self.settings.minutes
        limit = 60 * self.settings.minutes
        while (passed := self.clock() - start) + self.look_seconds < limit:
            for group in self.optimiser.param_groups:
                group["lr"] = self.rate(passed / limit)
            if self.teacher is not None:
                self.taught = max(0.0, 1 - self.minutes(start) / self.settings.distil_minutes)
            prompts = passed / limit >= alone and self.steps % self.settings.prompt_every == 0
            for key, value in self.step(prompts).items():
                sums.setdefault(key, []).append(value)
            now = time.monotonic()
            if now - noted > 20:
                noted = now
                row: dict[str, float] = {"minutes": round(self.minutes(start), 2)}
                row["windows"] = self.windows_seen
                for key, values in sums.items():
                    row[key] = round(float(torch.stack(values).float().nanmean()), 4)
                sums = {}
                self.note(row)
            if now - saved > 60 * self.settings.save_every:
                self.save(start)
                saved = time.monotonic()
            if now - looked > 60 * self.settings.look_every:
                self.look(start)
                self.draw()
                looked = time.monotonic()
        self.look(start)
        self.save(start)
        self.draw()

    def look(self, start: float) -> None:
        """Measure the averaged weights on the validation windows; keep the best ones."""
        if not self.windows:
            return
        network = deepcopy(self.network).eval()
        network.load_state_dict(self.average.state)
        begun = self.clock()
        prompts = bool(self.history) and "mask_loss" in self.history[-1]
        found = monitor(network, self.windows, prompts=prompts)
        self.look_seconds = self.clock() - begun
        row = {"minutes": round(self.minutes(start), 2), "windows": self.windows_seen}
        self.note(row | {f"val_{key}": round(v, 4) for key, v in found["mean"].items()})
        with open(self.folder / "validation.jsonl", "a", encoding="utf-8") as file:
            file.write(json.dumps(row | {"families": found}) + "\n")
        parts = [found["mean"].get(key, 0.0) for key in ("ap50", "click", "box")]
        if (score := float(np.mean(parts))) > self.best:
            self.best = score
            self.facts["validation"] = found
            self.save(start, "best.pt")

    def draw(self) -> None:
        """Draw the curves of the log."""
        if self.history:
            draw_curves(self.folder / "log.csv", self.folder / "curves.png")

    def minutes(self, start: float) -> float:
        """Minutes trained so far, over all calls."""
        return self.minutes_before + (self.clock() - start) / 60

    def note(self, row: dict) -> None:
        """Append a row to the log."""
        self.history.append(row)
        self.folder.mkdir(parents=True, exist_ok=True)
        names = ["minutes", "windows", *sorted(set().union(*self.history) - {"minutes", "windows"})]
        with open(self.folder / "log.csv", "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, names)
            writer.writeheader()
            writer.writerows(self.history)
        self.say("  ".join(f"{key} {value}" for key, value in row.items()))

    def save(self, start: float, name: str = "last.pt") -> None:
        """Write a checkpoint."""
        minutes = self.minutes(start)
        save_checkpoint(
            {
                "network": self.network.state_dict(),
                "ema": self.average.state,
                "ema_steps": self.average.steps,
                "optimiser": self.optimiser.state_dict(),
                "windows": self.windows_seen,
                "minutes": minutes,
                "best": self.best,
                "history": self.history,
                "facts": {
                    **self.facts,
                    "windows_seen": self.windows_seen,
                    "minutes": round(minutes, 1),
                    "settings": asdict(self.settings),
                },
            },
            self.folder / name,
        )

    def start_from(self, path: str | Path) -> dict:
        """Take the weights of a checkpoint or of exported weights; other parts start fresh.

        Returns
        -------
        dict
            The checkpoint.

        Raises
        ------
        DataError
            If there is no such file.
        """
        if not Path(path).exists():
            raise DataError(f"There is no checkpoint {path}: train without --resume first.")
        state = load_checkpoint(path)
        adopt(self.network, state["network"])
        self.average = WeightAverage(self.network)
        average = deepcopy(self.network)
        adopt(average, state["ema"])
        self.average.state = average.state_dict()
        self.windows_seen = state["windows"]
        return state

    def resume(self, path: str | Path) -> None:
        """Continue the run of a checkpoint: weights, optimiser, counters and log."""
        state = self.start_from(path)
        self.average.steps = state["ema_steps"]
        try:
            self.optimiser.load_state_dict(state["optimiser"])
        except ValueError:
            self.say("The optimiser starts fresh: the checkpoint has other parts.")
        self.minutes_before = state["minutes"]
        self.best = state.get("best", -1.0)
        self.history = state["history"]
        self.generator.manual_seed(self.settings.seed + self.windows_seen)
