"""OME-TIFF images that lie in several files."""

from __future__ import annotations

import uuid
from pathlib import Path

import numpy as np
import tifffile


def several_files(folder: Path, stack: np.ndarray, shown: int = 2) -> list[Path]:
    """Write an OME image of two 64 x 80 slices, each in a file of its own, or some of them."""
    names = ["m_0.ome.tif", "m_1.ome.tif"]
    ids = [f"urn:uuid:{uuid.UUID(int=number + 1)}" for number in range(2)]
    blocks = "".join(
        f'<TiffData FirstZ="{z}" IFD="0" PlaneCount="1">'
        f'<UUID FileName="{names[z]}">{ids[z]}</UUID></TiffData>'
        for z in range(2)
    )
    for number in range(shown):
        xml = (
            '<?xml version="1.0" encoding="UTF-8"?>'
            '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" '
            f'UUID="{ids[number]}"><Image ID="Image:0"><Pixels ID="Pixels:0" '
            'DimensionOrder="XYZCT" Type="uint16" SizeX="80" SizeY="64" SizeZ="2" SizeC="1" '
            f'SizeT="1"><Channel ID="Channel:0" SamplesPerPixel="1"/>{blocks}</Pixels></Image>'
            "</OME>"
        )
        tifffile.imwrite(folder / names[number], stack[number], description=xml, metadata=None)
    return [folder / name for name in names[:shown]]
