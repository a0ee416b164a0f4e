"""What a person may choose about finding all objects, as one immutable value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, Literal, Union

from napari_sam.labels.merge import Rule
from napari_sam.methods.method import Method
from napari_sam.methods.registry import method, names

if TYPE_CHECKING:
    from napari.layers import Labels, Shapes

    from napari_sam.models.capabilities import Suits

SearchIn = Union[Literal["slice", "visible", "stack"], "Shapes"]
"""The displayed slice, its visible part, all slices, or what a Shapes layer encloses."""


@dataclass(frozen=True)
class FindOptions:
    """How to find all objects, where, and what becomes of labels that are there.

    Parameters
    ----------
    method : str
        Its name.
    chosen : mapping of str to options
        The options of every method of which some were chosen.
    region : {"slice", "visible", "stack"} or Shapes layer
    together : str
        The method that joins what is found on all slices, when the region is all of them; empty
        when each slice is by itself.
    rule : {"empty", "whole", "replace"}
        What happens where labels are already; see `napari_sam.labels.merge.merge`.
    like : Labels layer, optional
        Whose cells are the examples of a method that takes some; that in which cells are kept
        when none was chosen.
    boxes : Shapes layer, optional
        Whose boxes are the examples of a method that takes boxes.
    suits : mapping
        What suits the model where nobody chose; see `napari_sam.models.model.Model.suits`.
    """

    method: str = names()[0]
    chosen: Mapping[str, Any] = field(default_factory=dict)
    region: SearchIn = "slice"
    together: str = ""
    rule: Rule = "empty"
    like: Labels | None = None
    boxes: Shapes | None = None
    suits: Suits = field(default_factory=dict)

    @property
    def by(self) -> Method[Any]:
        """The method that was chosen."""
        return method(self.method)

    @property
    def noun(self) -> str:
        """What one found object is called."""
        return self.by.words.noun

    @property
    def options(self) -> Any:
        """The options of the method that was chosen."""
        return self.of(self.method)

    def of(self, name: str) -> Any:
        """Return the options of a method, with what suits the model where nobody chose.

        Those of a method that joins are with those of the one that it joins.
        """
        return method(name).suited(self._chosen(name), self.suits)

    def searched_again_for(self, wanted: FindOptions) -> bool:
        """Whether what is wanted now is worth a new search by itself, after one by these."""
        same = self.method == wanted.method
        return same and wanted.by.searches_again(self.options, wanted.options)

    def _chosen(self, name: str) -> Any:
        known = method(name)
        own = self.chosen.get(name, known.defaults)
        if not known.base:
            return own
        base = self._chosen(known.base)
        return replace(own, **{one.name: getattr(base, one.name) for one in fields(base)})

    @property
    def joins(self) -> Method[Any] | None:
        """The method that joins what is found on all slices, if one shall."""
        return method(self.together) if self.region == "stack" and self.together else None

    @property
    def search(self) -> Any:
        """The options of the search as a whole: of the method that joins, or of the chosen one."""
        return self.options if self.joins is None else self.of(self.together)

    def changed(self, name: str, **changes: Any) -> FindOptions:
        """Return this with some options of a method changed.

        Raises
        ------
        ParameterError
        """
        changed = replace(self._chosen(name), **changes)
        return replace(self, chosen={**self.chosen, name: changed})
