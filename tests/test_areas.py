"""The smallest and the largest area, of every method that has both."""

from __future__ import annotations

from typing import Any

import pytest

from napari_sam.errors import ParameterError
from napari_sam.methods.option import described
from napari_sam.methods.registry import methods

BOTH = [
    one for one in methods() if {"min_area", "max_area"} <= {o.name for o in described(one.kind)}
]
MORE: dict[str, dict[str, Any]] = {"concept": {"text": "cell"}}


@pytest.mark.parametrize("method", BOTH, ids=lambda one: one.name)
def test_that_no_object_fits_is_refused_in_the_same_words(method: Any) -> None:
    more = MORE.get(method.name, {})
    with pytest.raises(ParameterError, match=r"^min_area=9 is above max_area=8: no object fits.$"):
        method.kind(min_area=9, max_area=8, **more)
    for said in ({"min_area": 9}, {"max_area": 8}, {"min_area": 8, "max_area": 8}):
        made = method.kind(**said, **more)
        assert {name: getattr(made, name) for name in said} == said


def test_all_methods_are_among_them_that_look_at_a_plane() -> None:
    assert {"cells", "everything", "concept", "similar"} <= {one.name for one in BOTH}
