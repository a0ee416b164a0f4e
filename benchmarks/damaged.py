"""Image files of every kind that is read, and ways in which they get damaged; all seeded."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import tifffile
from PIL import Image as Pillow

SIDE = 48


@dataclass(frozen=True)
class Good:
    """An undamaged file.

    Attributes
    ----------
    name : str
    content : bytes
    planes : int
        How many it holds: a cut file must not be taken for fewer.
    """

    name: str
    content: bytes
    planes: int


def discs(count: int = 1, kind: Any = np.uint16) -> np.ndarray:
    """Planes with two bright discs each, on a ground of broad steps."""
    rows, columns = np.mgrid[:SIDE, :SIDE]
    stack = np.stack([rows // 12 * 4 + 10 + plane for plane in range(count)])
    for row, column in ((14, 14), (32, 30)):
        stack[:, (rows - row) ** 2 + (columns - column) ** 2 < 40] += 150
    return stack.astype(kind)


def labels(count: int = 1, kind: Any = np.uint16) -> np.ndarray:
    """Planes with two labelled squares each."""
    made = np.zeros((count, SIDE, SIDE), kind)
    for plane in range(count):
        made[plane, 5:20, 5:20] = 2 * plane + 1
        made[plane, 25:40, 22:44] = 2 * plane + 2
    return made


def _tiff(folder: Path, name: str, pixels: np.ndarray, planes: int = 1, **how: Any) -> Good:
    path = folder / name
    tifffile.imwrite(path, pixels, **{"photometric": "minisblack", **how})
    return Good(name, path.read_bytes(), planes)


def _picture(folder: Path, name: str, picture: Pillow.Image, **how: Any) -> Good:
    path = folder / name
    picture.save(path, **how)
    return Good(name, path.read_bytes(), 1)


def good_files(folder: Path) -> list[Good]:
    """Make one file of each kind."""
    stack, plane = discs(6), discs()[0]
    grey, colour = plane.astype(np.uint8), np.dstack([discs(1, np.uint8)[0]] * 3)
    sizes = {"PhysicalSizeX": 0.5, "PhysicalSizeY": 0.5, "PhysicalSizeZ": 2.0}
    indexed = Pillow.fromarray(labels(1, np.uint8)[0])
    indexed.putpalette([value for number in range(256) for value in (number, 99, 255 - number)])
    imagej = {"imagej": True, "resolution": (2, 2), "metadata": {"axes": "ZYX", "unit": "um"}}
    ome = {"ome": True, "metadata": {"axes": "ZYX", **sizes}}
    with tifffile.TiffWriter(folder / "three.ome.tif", ome=True) as writer:
        for number in range(3):
            writer.write(stack[number, : SIDE - number], metadata={"axes": "YX"})
    virtual = "ImageJ=1.54f\nimages=6\nslices=6\n"
    tifffile.imwrite(folder / "virtual.tif", plane, description=virtual, metadata=None)
    return [
        _tiff(folder, "imagej.tif", stack, 6, **imagej),
        _tiff(folder, "imagej_zip.tif", stack, 6, compression="zlib", **imagej),
        _tiff(folder, "ome.ome.tif", stack, 6, **ome),
        _tiff(folder, "ome_lzw.ome.tif", stack, 6, compression="lzw", **ome),
        _tiff(folder, "plain.tif", stack, 6, metadata=None),
        _tiff(folder, "plain_zstd.tif", stack, 6, metadata=None, compression="zstd"),
        _tiff(folder, "shaped.tif", stack, 6),
        _tiff(folder, "tiled.tif", stack, 6, tile=(16, 16), compression="zlib"),
        _tiff(folder, "big.tif", stack, 6, bigtiff=True, byteorder=">"),
        Good("three.ome.tif", (folder / "three.ome.tif").read_bytes(), 3),
        Good("virtual.tif", (folder / "virtual.tif").read_bytes() + stack[1:].tobytes(), 6),
        _tiff(folder, "colour.tif", colour, photometric="rgb"),
        _tiff(folder, "jpeg.tif", colour, photometric="ycbcr", compression="jpeg"),
        _tiff(folder, "float.tif", plane.astype(np.float32)),
        _tiff(folder, "bits.tif", plane > 100),
        _tiff(folder, "labels.tif", labels(4), 4, compression="zlib", **imagej),
        _tiff(folder, "labels32.tif", labels(4, np.int32) * 70000, 4, compression="zlib"),
        _tiff(folder, "labelsfloat.tif", labels(1, np.float32)[0]),
        _picture(folder, "grey.png", Pillow.fromarray(grey)),
        _picture(folder, "grey16.png", Pillow.fromarray(plane * 200)),
        _picture(folder, "colour.png", Pillow.fromarray(colour)),
        _picture(folder, "indexed.png", indexed),
        Good("colour16.png", imagecodecs.png_encode(colour.astype(np.uint16) * 200), 1),
        _picture(folder, "colour.jpg", Pillow.fromarray(colour)),
        _picture(folder, "inks.jpg", Pillow.fromarray(colour).convert("CMYK")),
        _picture(folder, "colour.bmp", Pillow.fromarray(colour)),
    ]


Damage = Callable[[bytes, random.Random], bytes]


def cut(content: bytes, rng: random.Random) -> bytes:
    """Cut the file at a random place."""
    return content[: rng.randrange(1, len(content))]


def cut_little(content: bytes, rng: random.Random) -> bytes:
    """Cut the last bytes off."""
    return content[: -rng.randrange(1, min(200, len(content)))]


def flip(content: bytes, rng: random.Random) -> bytes:
    """Change a few bytes anywhere."""
    changed = bytearray(content)
    for _ in range(rng.randrange(1, 20)):
        changed[rng.randrange(len(changed))] = rng.randrange(256)
    return bytes(changed)


def flip_head(content: bytes, rng: random.Random) -> bytes:
    """Change a few of the first bytes, where headers lie."""
    changed = bytearray(content)
    for _ in range(rng.randrange(1, 6)):
        changed[rng.randrange(min(400, len(changed)))] = rng.randrange(256)
    return bytes(changed)


def zero(content: bytes, rng: random.Random) -> bytes:
    """Blank a stretch, as a lost block of a disk does."""
    start = rng.randrange(len(content))
    stop = min(len(content), start + rng.randrange(1, 3000))
    return content[:start] + bytes(stop - start) + content[stop:]


def swap(content: bytes, rng: random.Random) -> bytes:
    """Leave a stretch out."""
    start = rng.randrange(len(content))
    return content[:start] + content[start + rng.randrange(1, 500) :]


def wrong_tag(content: bytes, rng: random.Random) -> bytes:
    """Give one tag of a TIFF's first directory another type, count or value."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(content[:4])
    if order is None or len(content) < 10:
        return flip_head(content, rng)
    (start,) = struct.unpack_from(f"{order}I", content, 4)
    (count,) = struct.unpack_from(f"{order}H", content, start)
    changed = bytearray(content)
    at = start + 2 + 12 * rng.randrange(count)
    part = rng.choice(("number", "type", "count", "value"))
    odd = rng.choice((0, 1, 2, 3, 5, 8, 255, 4096, 65535, 2**31 - 1, 2**32 - 1))
    if part == "number":
        struct.pack_into(f"{order}H", changed, at, rng.choice((256, 257, 258, 259, 273, 277, 339)))
    elif part == "type":
        struct.pack_into(f"{order}H", changed, at + 2, rng.randrange(20))
    elif part == "count":
        struct.pack_into(f"{order}I", changed, at + 4, odd)
    else:
        struct.pack_into(f"{order}I", changed, at + 8, odd)
    return bytes(changed)


def more(content: bytes, rng: random.Random) -> bytes:
    """Append what does not belong there."""
    return content + rng.randbytes(rng.randrange(1, 2000))


def noise(content: bytes, rng: random.Random) -> bytes:
    """Keep the first bytes and replace the rest by noise."""
    keep = rng.randrange(4, 64)
    return content[:keep] + rng.randbytes(min(len(content), 4000))


def empty(content: bytes, rng: random.Random) -> bytes:
    """Leave nothing."""
    return b""


DAMAGES: dict[str, Damage] = {
    "cut": cut,
    "cut at the end": cut_little,
    "bytes changed": flip,
    "header changed": flip_head,
    "blanked": zero,
    "stretch lost": swap,
    "wrong tag": wrong_tag,
    "bytes appended": more,
    "noise": noise,
    "empty": empty,
}
