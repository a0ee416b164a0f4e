"""Another distribution that installs `napari_sam` is found and named."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

CHECK = "from napari_sam.installation import check_single_distribution as c\nc()\nprint('sound')"


def pretend(folder: Path, name: str, files: dict[str, str]) -> None:
    """Make the metadata of an installed distribution."""
    info = folder / f"{name.replace('-', '_')}-9.9.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 9.9\n")
    for file, text in files.items():
        (info / file).write_text(text)


def check(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the check in an interpreter that also sees what is installed in a folder."""
    program = f"import sys\nsys.path.append({str(folder)!r})\n{CHECK}"
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    "files",
    [
        {"RECORD": "napari_sam/__init__.py,sha256=x,10\nnapari_sam/_widget.py,sha256=x,10\n"},
        {"top_level.txt": "napari_sam\n"},
    ],
)
def test_a_rival_is_named_with_the_way_out(files: dict[str, str], tmp_path: Path) -> None:
    pretend(tmp_path, "napari-sam", files)
    done = check(tmp_path)
    assert done.returncode == 1
    assert "InstallationError" in done.stderr
    assert "(napari-sam)" in done.stderr
    assert "pip uninstall napari-sam && pip install" in done.stderr


def test_other_distributions_do_not_disturb(tmp_path: Path) -> None:
    pretend(tmp_path, "napari-sam-tools", {"RECORD": "napari_sam_tools/__init__.py,,\n"})
    pretend(tmp_path, "other", {"top_level.txt": "other\n", "RECORD": "x/napari_sam/y.py,,\n"})
    done = check(tmp_path)
    assert done.stdout.strip() == "sound", done.stderr


def test_our_own_record_is_no_rival(tmp_path: Path) -> None:
    """A wheel of ours may lie in a second folder of the path, as in a build's scratch space."""
    pretend(tmp_path, "napari_sam.bio", {"RECORD": "napari_sam/__init__.py,,\n"})
    done = check(tmp_path)
    assert done.stdout.strip() == "sound", done.stderr
