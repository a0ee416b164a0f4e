"""Classes on the Review page: given by a key, suggested for the rest, corrected, and coloured."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np
import pandas as pd

from napari_sam.classes import (
    BY,
    CLASS,
    COLOUR,
    COLUMNS,
    PERSON,
    PROBABILITY,
    SUGGESTED,
    classes_in,
    colours_in,
    examples_in,
    ids_in,
)
from napari_sam.counts import counted
from napari_sam.errors import NapariSamError, ParameterError
from napari_sam.images import Plane
from napari_sam.objects.classify import SeenObjects, suggest
from napari_sam.progress import Progress
from napari_sam.ui.canvas.keys import Action
from napari_sam.ui.tools import class_names
from napari_sam.ui.tools.review_appearance import Appearance
from napari_sam.ui.tools.reviewed import Reviewed
from napari_sam.ui.workbench import Workbench

MOST = 8  # classes that have a key
_PLANES = 32  # whose objects are remembered as examples for other slices


class ReviewClasses:
    """Names of classes, and what is known of the objects' classes.

    Parameters
    ----------
    bench : Workbench
    appearance : Appearance
    review : Review
    """

    def __init__(self, bench: Workbench, appearance: Appearance, review: Reviewed) -> None:
        self._bench, self._appearance, self._review = bench, appearance, review
        self._state = review.state
        self._seen: dict[Plane, tuple[str, SeenObjects]] = {}
        self._before: tuple[tuple[str, ...], Mapping[str, str]] = ((), {})
        self._called: dict[str, set[str]] = {}
        self._state.events.labels.connect(self._other_labels)
        self._state.events.objects.connect(self._look)
        self._state.events.classes.connect(self._recolour)
        self._state.events.classes.connect(self._keep_names)

    # -- names ------------------------------------------------------------------------------------

    def _other_labels(self) -> None:
        """Keep names, digits and colours for the next labels: images of a folder have the same."""
        self._seen.clear()
        if self._state.classes:
            self._before = self._state.classes, self._state.class_colours
        self._state.classes = ()
        self._state.class_colours = {}

    def _look(self) -> None:
        """Classes that the table tells of have a name and a colour here."""
        table = self._table()
        used, told = set(classes_in(table).values()), colours_in(table)
        names, chosen = self._state.classes, self._state.class_colours
        if not names:
            names, chosen = self._names_before(used)
        own = {name: c for name, c in chosen.items() if name not in used}
        if own | told != self._state.class_colours:
            self._state.class_colours = own | told
        for new in sorted(used - set(names)):
            # A name that was taken back, or given again, has the digit that it had.
            former = [one for one in names if one in self._called.get(new, ()) and one not in used]
            names = tuple(new if one in former[:1] else one for one in names)
            names = names if former else (*names, new)
        if names != self._state.classes:
            self._state.classes = names

    def _names_before(self, used: set[str]) -> tuple[tuple[str, ...], Mapping[str, str]]:
        """Names and colours that the labels before had, if these have none or one of them."""
        if not used or used & set(self._before[0]):
            return self._before
        last = class_names.kept()  # of an earlier start, such as before a crash
        return (last if used & set(last) else ()), {}

    def _keep_names(self) -> None:
        if self._state.classes:
            class_names.keep(self._state.classes)

    def _table(self) -> pd.DataFrame:
        try:
            return self._review.plane.editing().document.table
        except NapariSamError:
            return pd.DataFrame()

    def _members(self, name: str) -> pd.DataFrame:
        """What is said of all objects of a class, of this layer."""
        table = self._table()
        members = [number for number, said in classes_in(table).items() if said == name]
        table = table.assign(label=ids_in(table))
        return table[table["label"].isin(members)].reindex(columns=["label", *COLUMNS])

    def add(self) -> None:
        """Add a class, which is to be named."""
        names = self._state.classes
        if len(names) >= MOST:
            self._bench.result(f"There are {MOST} classes, as many as there are keys.")
            return
        fresh = (f"class {n}" for n in range(len(names) + 1, len(names) + MOST + 2))
        self._state.classes = (*names, next(name for name in fresh if name not in names))

    def rename(self, at: int, name: str) -> None:
        """Call a class otherwise, and all objects of it with it."""
        names, name = self._state.classes, name.strip()
        before = names[at]
        if not name or name in names:
            if name != before:
                self._bench.result("A class needs a name that no other one has.")
            self._state.events.classes.emit(names, names)  # show the old one again
            return
        self._called.setdefault(name, set()).add(before)
        self._called.setdefault(before, set()).add(name)
        members = self._members(before)
        if len(members):
            rows = members.assign(**{CLASS: name})
            told = f"Class {before!r} is called {name!r} now."
            if not self._review.edit(lambda editing: editing.classify(rows, told)):
                return
        if before in self._state.class_colours:
            colours = dict(self._state.class_colours)
            colours[name] = colours.pop(before)
            self._state.class_colours = colours
        names = self._state.classes  # those that are in use have the new name by now
        if name not in names:
            self._state.classes = tuple(name if one == before else one for one in names)

    def recolour(self, at: int, colour: str) -> None:
        """Give a class a colour of the person's own, such as ``#e69f00``, and all objects of it."""
        name = self._state.classes[at]
        before = self._state.class_colours
        self._state.class_colours = {**before, name: colour}
        members = self._members(name)
        if len(members):
            rows = members.assign(**{COLOUR: colour})
            told = f"Class {name!r} has another colour now."
            if not self._review.edit(lambda editing: editing.classify(rows, told)):
                self._state.class_colours = before
                return
        self._appearance.colour()

    def _in_colour(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Add the colours of classes to rows, where a person chose any."""
        chosen = self._state.class_colours
        if not chosen:
            return rows
        return rows.assign(**{COLOUR: [chosen.get(name, "") for name in rows[CLASS]]})

    # -- giving classes ---------------------------------------------------------------------------

    def keys(self) -> dict[str, Action]:
        """Return the keys that give classes."""
        return {"0": self.clear, **{str(at + 1): partial(self.assign, at) for at in range(MOST)}}

    def assign(self, at: int) -> None:
        """Say of what class the object in hand is; the next class is made when it is needed."""
        selected = self._state.selected
        if selected is None:
            self._bench.result("Click a cell first, then a digit says of what class it is.")
            return
        if at == len(self._state.classes):
            self.add()
        if at >= len(self._state.classes):
            self._bench.result(f"There is no class {at + 1} yet: add it under Classes.")
            return
        name = self._state.classes[at]
        self._say(selected, name, f"Cell {selected} is of class {name!r}.")

    def clear(self) -> None:
        """Say that the class of the object in hand is not known."""
        selected = self._state.selected
        if selected is not None:
            self._say(selected, "", f"Cell {selected} has no class.")

    def _say(self, selected: int, name: str, told: str) -> None:
        by, likely = (PERSON, 1.0) if name else ("", np.nan)
        row = pd.DataFrame({"label": [selected], CLASS: [name], PROBABILITY: [likely], BY: [by]})
        row = self._in_colour(row)
        if self._review.edit(lambda editing: editing.classify(row, told)):
            self._appearance.colour()

    # -- suggesting -------------------------------------------------------------------------------

    def suggest(self) -> None:
        """Suggest a class for every object of the slice that a person has said nothing of."""
        bench = self._bench
        try:
            editing = self._review.plane.editing()
            shown, labels = bench.shown(), editing.pixels().copy()
            known = examples_in(editing.document.table)
            if len(set(known.values())) < 2:
                raise ParameterError(
                    "Say of a few cells of two classes what they are: click a cell, then press "
                    "1, another kind, then 2."
                )
        except NapariSamError as error:
            bench.fail(error)
            return
        name, device, layer = bench.state.model, bench.device(), self._state.labels
        plane, worker = editing.plane, bench.worker
        elsewhere = {at: seen for at, seen in self._seen.items() if at != plane}

        def work(progress: Progress) -> tuple[str, SeenObjects, pd.DataFrame]:
            model, seen = worker.describe(name, device, shown.view, labels, progress)
            return model, seen, _suggested(model, seen, known, elsewhere)

        def done(found: tuple[str, SeenObjects, pd.DataFrame]) -> None:
            bench.progress(None)
            if layer is self._state.labels:
                self._remember(plane, found[:2])
                self._suggested(found[2])

        bench.say(f"Looking at the cells of this {bench.word}.")
        bench.submit("describe", work, done, progress=bench.progress)

    def _remember(self, plane: Plane, seen: tuple[str, SeenObjects]) -> None:
        self._seen[plane] = seen
        while len(self._seen) > _PLANES:
            self._seen.pop(next(iter(self._seen)))

    def _suggested(self, table: pd.DataFrame) -> None:
        """Write what is suggested, unless a person has said something meanwhile."""
        said = examples_in(self._table())
        rows = self._in_colour(table[(table[BY] == SUGGESTED) & ~table["label"].isin(list(said))])
        told = (
            f"Suggested a class for {counted(len(rows), 'cell')}. To correct one, click it and "
            "press the key of its class; then suggest again."
        )
        if len(rows) and self._review.edit(lambda editing: editing.classify(rows, told)):
            self.set_coloured(True)

    def _recolour(self) -> None:
        """Show cells in the colours of the classes that there are now, as the digits have them."""
        if self._state.class_coloured:
            self._appearance.colour()

    def set_coloured(self, on: bool) -> None:
        """Colour objects by their class, or not."""
        self._state.class_coloured = on
        self._appearance.colour()

    def counts(self) -> dict[str, int]:
        """How many objects of the displayed plane are of each class."""
        said = list(classes_in(self._state.objects.table).values())
        return {name: said.count(name) for name in self._state.classes}


def _suggested(
    model: str,
    seen: SeenObjects,
    known: Mapping[int, str],
    elsewhere: Mapping[Plane, tuple[str, SeenObjects]],
) -> pd.DataFrame:
    """Suggest classes of objects that were seen, also after examples that lie elsewhere."""
    here = set(seen.ids.tolist())
    others = [other for name, other in elsewhere.values() if name == model]
    shown = [other.of(list(set(known) - here)) for other in others]
    table = suggest(SeenObjects.joined([seen, *shown]), known)
    return table[table["label"].isin(here)]
