"""A session is done again: on the same image, on another one, by another model, from a file."""

from __future__ import annotations

import json

import numpy as np
import pytest

import napari_sam as ns
from fake_model import FakeModel, blobs
from napari_sam.cli.app import main
from napari_sam.errors import DataError, ParameterError, PromptError
from napari_sam.images import Plane
from napari_sam.labels.change import Origin
from napari_sam.labels.session import Session, read_session
from napari_sam.prompts import Prompt

PLANE = Plane((0, 1), (None, None), (64, 80))
CLICK = Origin(PLANE, (Prompt(points=[(20, 20)]),), "cells", (0,))
WIDER = Origin(PLANE, (Prompt(points=[(40, 60), (44, 60)], labels=[1, 0]),), "cells", (1,))
BOTH = Origin(
    PLANE,
    (
        Prompt(strokes=[[(20, 17), (20, 23)]]),
        Prompt.from_polygon([(33, 53), (33, 67), (47, 67), (47, 53)], (64, 80)),
    ),
    "cells",
    (0, 0),
)
SEARCH = Origin(PLANE, (), "cells", method="cells", options={"diameter": 12.0})


def test_prompts_are_answered_again_with_the_candidate_that_was_chosen():
    found = ns.replay(Session((CLICK, WIDER)), blobs(), FakeModel())
    assert sorted(found.table["label"]) == [1, 2]
    assert found.labels[20, 20] == 1
    assert found.labels[40, 68] == 2  # two pixels wider, as the second candidate is
    assert found.labels[46, 60] == 0  # taken away
    both = ns.replay(Session((BOTH,)), blobs(), FakeModel())
    assert {int(both.labels[20, 20]), int(both.labels[40, 60])} == {1, 2}


def test_a_search_fills_what_is_left_inside_its_region():
    left = np.zeros((64, 80), bool)
    left[:, :40] = True
    image = blobs((64, 80), ((20, 20), (40, 60), (50, 15)))
    found = ns.replay(Session((CLICK, SEARCH)), image, FakeModel())
    assert len(found) == 3
    inside = Origin(PLANE, (Prompt(mask=left),), "cells", method="cells")
    found = ns.replay(Session((CLICK, inside)), image, FakeModel())
    assert len(found) == 2
    assert found.labels[40, 60] == 0


def test_another_image_and_another_model():
    model = FakeModel("other")
    found = ns.replay(Session((BOTH,)), blobs((70, 90)), model)
    assert found.labels.shape == (70, 90)
    assert len(found) == 2
    stack = np.stack([blobs()] * 3)
    place = Plane((1, 2), (2, None, None), (64, 80))
    step = Origin(place, CLICK.prompts, "cells", (0,))
    found = ns.replay(Session((step,)), stack, model)
    assert np.flatnonzero(found.labels.any(axis=(1, 2))).tolist() == [2]
    with pytest.raises(ParameterError, match="no plane"):
        ns.replay(Session((step,)), stack[:2], model)
    with pytest.raises(ParameterError, match="axes"):
        ns.replay(Session((step,)), blobs(), model)
    with pytest.raises(PromptError, match="Step 2 does not fit"):
        ns.replay(Session((CLICK, WIDER)), blobs((30, 30)), model)


def test_a_place_that_is_taken_is_told():
    inside = Origin(PLANE, (Prompt(points=[(20, 20)]),), "cells", (2,))
    with pytest.warns(UserWarning, match="1 steps made nothing"):
        ns.replay(Session((CLICK, CLICK)), blobs(), FakeModel())
    del inside


def test_what_is_read_is_what_was_written(tmp_path):
    region = Origin(PLANE, (Prompt(mask=np.eye(64, 80)),), "cells", method="cells")
    session = Session((CLICK, BOTH, SEARCH, region), "dish.tif", (3.0, 90.0), {"paint": 2})
    path = session.write(tmp_path / "dish.session.json")
    back = read_session(path)
    assert json.dumps(back.told()) == json.dumps(session.told())
    assert (back.steps[3].prompts[0].mask == np.eye(64, 80)).all()
    assert (back.steps[1].prompts[1].mask == BOTH.prompts[1].mask).all()
    assert back.steps[0].plane == PLANE


def test_the_image_of_a_session_is_found_where_both_were_moved_to(tmp_path):
    before, after = tmp_path / "before", tmp_path / "after"
    (before / "steps").mkdir(parents=True)
    image = before / "dish.tif"
    image.write_bytes(b"")
    Session((CLICK,), str(image)).write(before / "steps" / "dish.session.json")
    before.rename(after)
    path = after / "steps" / "dish.session.json"
    assert read_session(path).image == str(after / "dish.tif")
    (after / "dish.tif").unlink()
    assert read_session(path).image == str(image)  # as it was, for who asks for it


def test_a_session_that_cannot_be_written_leaves_the_one_before(tmp_path, monkeypatch):
    path = Session((CLICK,)).write(tmp_path / "dish.session.json")
    before = path.read_text()

    def full(*how):
        raise OSError("No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(DataError, match="cannot be written"):
        Session((CLICK, WIDER)).write(path)
    monkeypatch.undo()
    assert path.read_text() == before
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "cannot be read"),
        ("[]", "no session"),
        ('{"format": "napari-sam session", "version": 99}', "version 99"),
        ('{"format": "napari-sam session", "version": 1, "steps": [{}]}', "damaged"),
        (
            (
                '{"format": "napari-sam session", "version": 1, "steps": [{"model": "cells", '
                '"prompts": [{"mask": {"shape": [4, 4], "box": [0, 0, 2, 2], "runs": [9]}}], '
                '"choices": [0]}]}'
            ),
            "damaged",
        ),
    ],
)
def test_what_is_no_session_is_refused(tmp_path, text, told):
    path = tmp_path / "some.json"
    path.write_text(text)
    with pytest.raises(DataError, match=told):
        read_session(path)
    with pytest.raises(DataError):
        read_session(tmp_path / "missing.json")


def test_the_command_line_writes_labels_and_a_table(tmp_path, capsys):
    import tifffile

    image = tmp_path / "dish.tif"
    tifffile.imwrite(image, blobs())
    session = Session((CLICK, WIDER)).write(tmp_path / "dish.session.json")
    words = ["replay", str(session), str(image), "-o", str(tmp_path / "out")]
    assert main(words) == 0
    assert "2 objects" in capsys.readouterr().out
    assert tifffile.imread(tmp_path / "out" / "dish_labels.tif").max() == 2
    assert main(words) == 1  # it is there already
    assert "overwrite" in capsys.readouterr().err
    assert main([*words, "--overwrite", "--model", "cells"]) == 0
    words[-1] = str(image)
    assert main(words) == 1
    assert "is a file: -o names the folder for the results" in capsys.readouterr().err


def test_without_an_image_it_is_done_on_the_one_it_was_made_on(tmp_path, capsys):
    import tifffile

    image, out = tmp_path / "dish.tif", tmp_path / "out"
    tifffile.imwrite(image, blobs())
    session = Session((CLICK,), str(image)).write(tmp_path / "dish.session.json")
    assert main(["replay", str(session), "-o", str(out)]) == 0
    assert (out / "dish_labels.tif").exists()
    image.unlink()
    assert main(["replay", str(session), "-o", str(tmp_path / "again")]) == 1
    assert "not there any more" in capsys.readouterr().err
    unknown = Session((CLICK,)).write(tmp_path / "unknown.session.json")
    assert main(["replay", str(unknown), "-o", str(out)]) == 1
    assert "name an image" in capsys.readouterr().err


def test_an_image_that_fails_is_told_and_the_others_are_done(tmp_path, capsys):
    import tifffile

    tifffile.imwrite(tmp_path / "a.tif", blobs()[:20, :20])  # the click lies beyond it
    (tmp_path / "b.tif").write_bytes(b"no picture at all")
    tifffile.imwrite(tmp_path / "c.tif", blobs())
    session = Session((CLICK,)).write(tmp_path / "dish.session.json")
    out = tmp_path / "out"
    words = ["replay", str(session), str(tmp_path), "-o", str(out)]
    assert main(words) == 1
    said = capsys.readouterr()
    assert said.out == f"c: 1 object in {out}\n"
    assert "2 of 3 images failed:\n  a.tif: Step 1 does not fit the image" in said.err
    assert sorted(path.name for path in out.glob("*.tif")) == ["c_labels.tif"]
    with pytest.raises(PromptError):
        main([*words, "--overwrite", "--debug"])


def test_channels_are_seen_together_as_the_command_says(tmp_path, monkeypatch, capsys):
    import tifffile

    from napari_sam import loading

    seen = []

    class Sees(FakeModel):
        def encode(self, plane, *more, **how):
            seen.append((np.shape(plane), how.get("limits", more[0] if more else None)))
            return super().encode(plane, *more, **how)

    monkeypatch.setattr(loading, "load_model", lambda *_, **__: Sees("cells"))
    image, bright = tmp_path / "dish.tif", blobs().astype(np.uint16)
    both = np.stack([bright * 9, np.zeros_like(bright), bright])
    tifffile.imwrite(image, both, metadata={"axes": "CYX"}, ome=True)
    dim = Session((CLICK,), limits=(60_000.0, 65_000.0)).write(tmp_path / "dish.session.json")
    words = ["replay", str(dim), str(image), "-o", str(tmp_path / "out")]
    assert main([*words, "--channels", "0,2"]) == 0
    assert seen == [((*bright.shape, 3), (0.0, 255.0))]
    assert tifffile.imread(tmp_path / "out" / "dish_labels.tif").max() == 1
    assert main([*words, "--channels", "0,2", "--channel", "1"]) == 1
    assert "leave out --channel" in capsys.readouterr().err


def test_images_that_are_called_alike_are_all_done_by_a_model_that_is_loaded_once(
    tmp_path, monkeypatch
):
    import tifffile

    from napari_sam import loading

    loaded = []

    def load(name, *_, **__):
        loaded.append(name)
        return FakeModel("cells")

    monkeypatch.setattr(loading, "load_model", load)
    for name in ("dish.tif", "dish.tiff"):
        tifffile.imwrite(tmp_path / name, blobs())
    session = Session((CLICK,)).write(tmp_path / "dish.session.json")
    out = tmp_path / "out"
    assert main(["replay", str(session), str(tmp_path), "-o", str(out)]) == 0
    written = sorted(path.name for path in out.glob("*.tif"))
    assert written == ["dish_tif_labels.tif", "dish_tiff_labels.tif"]
    assert loaded == [CLICK.model]
    (out / "dish_tif_labels.tif").unlink()
    assert main(["replay", str(session), str(tmp_path), "-o", str(out)]) == 1
    assert not (out / "dish_tif_labels.tif").exists()  # the other one is there: nothing is begun
