"""One object on its way through the slices of an image, in the worker that owns the model.

What a person says comes in whole, and what is known goes out whole, both immutable; so nothing
is lost when work is stopped in the middle, and nothing is said twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from napari_sam.images import Block, Plane, PlaneStack
from napari_sam.models.model import Model
from napari_sam.pixel_size import step_of
from napari_sam.progress import Progress
from napari_sam.regions import Region
from napari_sam.stacks.carry import Carry
from napari_sam.stacks.descendants import Descendants, Follower
from napari_sam.stacks.following import Step
from napari_sam.stacks.recall import Encode, encode
from napari_sam.stacks.recalled import Recalled


def planes_along(plane: Plane, axis: int, length: int) -> Iterator[Plane]:
    """Iterate over the planes that lie behind each other along an axis, one of them given.

    Examples
    --------
    >>> one = Plane((0, 3), (None, 4, 1, None), (8, 9))
    >>> [other.index for other in planes_along(one, 2, 2)]
    [(None, 4, 0, None), (None, 4, 1, None)]
    """
    for at in range(length):
        index = (*plane.index[:axis], at, *plane.index[axis + 1 :])
        yield replace(plane, index=index)


@dataclass(frozen=True, eq=False)
class Told:
    """What a person has said about an object so far.

    Parameters
    ----------
    shown : mapping of int to (Region, float)
        Where it is, and how certain that is, by slice.
    first, last : int
        Slices beyond which it is not.
    absent : frozenset of int
        Other slices on which it is not.
    """

    shown: Mapping[int, tuple[Region, float]]
    first: int
    last: int
    absent: frozenset[int] = frozenset()


@dataclass(frozen=True, eq=False)
class Carried:
    """What is known of an object.

    Parameters
    ----------
    steps : mapping of int to Step
        By slice.
    given : frozenset of int
        Slices on which it was shown, or in the labels already.
    fraction : float
        How much is done.
    over : bool
        Whether there is nothing more to find out.
    daughters : mapping of int to (mapping of int to Step)
        Of an object that divides, what is known of each daughter, by its number.
    parents : mapping of int to int
        From the number of every daughter to that of her mother; the object itself is 1.
    corrected : frozenset of int
        Those of the slices given that tell of daughters.
    """

    steps: Mapping[int, Step] = field(default_factory=dict)
    given: frozenset[int] = frozenset()
    fraction: float = 0.0
    over: bool = False
    daughters: Mapping[int, Mapping[int, Step]] = field(default_factory=dict)
    parents: Mapping[int, int] = field(default_factory=dict)
    corrected: frozenset[int] = frozenset()


class Carrying:
    """Carries an object through the planes of an image that lie behind each other.

    Parameters
    ----------
    block : Block
        A plane of them.
    axis : int
        Along which axis of the image.
    others : array of the image's shape, optional
        Labels of objects that are there: read by windows.
    own : int
        The object's own number among them, 0 when it has none. Slices on which it is drawn are
        taken as they are, unless the person says otherwise.
    yields : bool
        Whether it leaves their pixels to others.
    taken : frozenset of int, optional
        On which slices it is taken as it is drawn; on all by default.
    over_time : bool
        Whether the planes are frames and not slices.
    divisions : bool
        Whether, over time, it is followed into its daughters where it divides.
    """

    def __init__(
        self,
        block: Block,
        axis: int,
        others: Any = None,
        own: int = 0,
        yields: bool = True,
        taken: frozenset[int] | None = None,
        over_time: bool = False,
        divisions: bool = False,
    ) -> None:
        self.block, self.axis = block, axis
        self.planes = list(planes_along(block.plane, axis, block.image.shape[axis]))
        self.others, self.own, self._yields = others, own, yields
        self._over_time, self._divisions = over_time, over_time and divisions
        self._taken = frozenset(range(len(self.planes))) if taken is None else taken
        #: Slices of which something will be said, about daughters that are not known yet.
        self.of_daughters: frozenset[int] = frozenset()
        #: Where the labels had the object, by slice.
        self.drawn: dict[int, Region] = {}
        self._carry: Follower | Descendants | None = None
        self._said: dict[int, Region] = {}
        self._finder: Callable[[], Model] | None = None

    def go_on(
        self,
        model: Model,
        told: Told,
        limits: Callable[[], tuple[float, float]],
        progress: Progress,
        encode: Encode = encode,
        finder: Callable[[], Model] | None = None,
    ) -> Carried:
        """Look at one more slice.

        Parameters
        ----------
        model : Model
        told : Told
        limits : callable
            Returns the contrast limits, asked for once.
        progress : callable
            Called between stages; raise `Cancelled` from it to stop.
        encode : callable
            Encodes a slice for a model with a memory: another object may want it, too.
        finder : callable, optional
            Returns who sees divisions; the model itself by default.
        """
        self._finder = finder or (lambda: model)
        carry = self._carry
        if carry is None or not carry.take(model):
            carry = self._begin(model, limits(), progress, encode)
        self._tell(carry, told)
        progress(carry.fraction)
        carry.advance()
        known = Carried(carry.steps, frozenset(carry.shown), carry.fraction, carry.done)
        if not isinstance(carry, Descendants):
            return known
        daughters = {n: carry.members[n].carry.steps for n in carry.parents}
        return replace(known, daughters=daughters, parents=carry.parents, corrected=carry.corrected)

    def _begin(
        self, model: Model, limits: tuple[float, float], progress: Progress, encode: Encode
    ) -> Follower | Descendants:
        stack = PlaneStack(self.block.image.finest, self.planes)
        labels = None if self.others is None else PlaneStack(self.others, self.planes)
        others = labels if self._yields else None
        size = self.block.pixel_size
        step = None if size is None or size.spacing is None else step_of(size.spacing)
        how: dict[str, Any] = {"rgb": False, "limits": limits, "others": others, "own": self.own}

        def make(model: Model, limits: Any = None) -> Follower:
            if model.memory is None:
                return Carry(stack, model, over_time=self._over_time, step=step, **how)
            return Recalled(stack, model, encode=encode, **how)

        carry: Follower | Descendants = make(model)
        if self._divisions:
            carry = Descendants(make, model, self._sees)
        if labels is not None and self.own:
            for at in range(len(self.planes)):
                progress(0.0)
                region = Region.of(labels[at] == self.own)
                if region.area:
                    self.drawn[at] = region
                    if at in self._taken:
                        carry.show(at, region)
        self._carry, self._said = carry, {}  # both, or neither where it was cancelled
        return carry

    def _sees(self) -> Model:
        """Return who sees divisions."""
        assert self._finder is not None
        return self._finder()

    def _tell(self, carry: Follower | Descendants, told: Told) -> None:
        """Pass on what is new."""
        for index in set(self._said) - set(told.shown):
            carry.forget(index)
            del self._said[index]
            if index in self.drawn and index in self._taken:
                carry.show(index, self.drawn[index])
        for index, (region, score) in told.shown.items():
            if self._said.get(index) is region:
                continue
            if isinstance(carry, Descendants) and index in self.of_daughters:
                carry.expect(index, region, score)
            else:
                carry.show(index, region, score)
            self._said[index] = region
        self.of_daughters = frozenset()
        carry.limit(told.first, told.last)
        carry.absent = set(told.absent)
