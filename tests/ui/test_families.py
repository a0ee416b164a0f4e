"""A file of each family in the panel: it is chosen, a click is answered, and all is found."""

from __future__ import annotations

import pytest

import napari_sam as ns
from family_files import FAMILIES, IMAGE
from napari_sam.methods.option import differing
from napari_sam.methods.registry import method_of


@pytest.mark.parametrize("name", FAMILIES)
def test_a_file_of_a_family_is_worked_with(name, bench, tmp_path):
    write, options = FAMILIES[name]
    path, method = write(tmp_path), method_of(options).name
    bench.model = ns.load_model(path, device="cpu")
    bench.catalogue.here.add(str(path))
    bench.session.models.choose(str(path))
    assert bench.catalogue.abilities(str(path)) is not None
    bench.viewer.add_image(IMAGE, name="image")
    bench.settle()
    assert bench.loaded[-1] == str(path)
    bench.click(30.0, 40.0)
    bench.settle()
    assert bench.state.answer is not None, bench.state.status
    bench.session.set_tool("find")
    bench.find.adjust(method=method)
    bench.find.adjust_options(method, **differing(options))
    bench.find.start()
    bench.settle()
    assert bench.state.found_count, bench.state.status
    assert not bench.session.models.lacks(method_of(options))
