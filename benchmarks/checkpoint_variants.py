"""Hostile and damaged checkpoint files, made from whole ones: the same for the same seed.

`variants` yields ``(group, name, write, may)``: ``write(folder)`` makes a file and returns its
path; ``may`` says what loading may do: ``"refuse"``, ``"same"`` (the weights of the whole file), or
``"either"`` where a change may have hit a byte without meaning.
"""

from __future__ import annotations

import json
import os
import pickle
import struct
import sys
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from safetensors.torch import load_file, save_file

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from tiny_sam import tiny_network

Write = Callable[[Path], Path]
State = dict[str, torch.Tensor]
ONE = "mask_decoder.iou_token.weight"
RAN = "NAPARI_SAM_HOSTILE_RAN"  # names the file that hostile code would make


class Variant(NamedTuple):
    """One file to load."""

    group: str
    name: str
    write: Write
    may: str


def whole() -> State:
    """Weights of a tiny SAM."""
    return tiny_network(4).state_dict()


def _cells() -> Path:
    import napari_sam

    return Path(napari_sam.__file__).parent / "models/cells/weights/cells.safetensors"


def variants(seed: int = 0) -> Iterator[Variant]:
    """Iterate over all variants."""
    rng = np.random.default_rng(seed)
    for group, rows in (
        ("cut", _cut()),
        ("changed bytes", _changed(rng)),
        ("archives", _archives()),
        ("code", _code()),
        ("pickles", _pickles()),
        ("numbers", _numbers()),
        ("architectures", _architectures()),
        ("safetensors", _safetensors()),
        ("cells", _cells_files()),
        ("other files", _others()),
    ):
        for name, write, may in rows:
            yield Variant(group, name, write, may)


Rows = Iterator[tuple[str, Write, str]]


def _saved(folder: Path, content: Any, suffix: str = ".pth", **words: Any) -> Path:
    path = folder / f"file{suffix}"
    if suffix == ".safetensors":
        save_file(content, path, **words)
    else:
        torch.save(content, path, **words)
    return path


def _bytes(folder: Path, content: bytes, suffix: str = ".pth") -> Path:
    path = folder / f"file{suffix}"
    path.write_bytes(content)
    return path


_OLD = {"_use_new_zipfile_serialization": False}
_KINDS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("archive", ".pth", {}),
    ("old", ".pt", _OLD),
    ("safetensors", ".safetensors", {}),
)


def _cut() -> Rows:
    def write(folder: Path, suffix: str, words: dict[str, Any], share: float) -> Path:
        path = _saved(folder, whole(), suffix, **words)
        content = path.read_bytes()
        path.write_bytes(content[: int(len(content) * share)])
        return path

    for kind, suffix, words in _KINDS:
        for share in (0.0, 0.0001, 0.01, 0.3, 0.7, 0.99, 0.9999):
            yield (
                f"{kind} to {share:.2%}",
                partial(write, suffix=suffix, words=words, share=share),
                "refuse",
            )


def _changed(rng: np.random.Generator) -> Rows:
    def write(
        folder: Path, suffix: str, words: dict[str, Any], where: float, bit: int, within: int
    ) -> Path:
        path = _saved(folder, whole(), suffix, **words)
        content = bytearray(path.read_bytes())
        content[int(where * min(within or len(content), len(content)))] ^= 1 << bit
        path.write_bytes(bytes(content))
        return path

    # Only an archive has checksums: of the others what comes before the numbers is changed.
    for (kind, suffix, words), within, count in zip(
        _KINDS, (0, 9000, 9000), (14, 8, 8), strict=True
    ):
        for number in range(count):
            where, bit = float(rng.random()), int(rng.integers(8))
            yield (
                f"{kind}, bit {number}",
                partial(write, suffix=suffix, words=words, where=where, bit=bit, within=within),
                "either",
            )


def _archives() -> Rows:
    def again(folder: Path, edit: Callable[[zipfile.ZipFile, zipfile.ZipFile], None]) -> Path:
        path = _saved(folder, whole())
        target = folder / "again.pth"
        with zipfile.ZipFile(path) as old, zipfile.ZipFile(target, "w") as new:
            edit(old, new)
        return target

    def packed(old: zipfile.ZipFile, new: zipfile.ZipFile, method: int) -> None:
        for file in old.infolist():
            new.writestr(file.filename, old.read(file), method)

    def without(old: zipfile.ZipFile, new: zipfile.ZipFile, end: str) -> None:
        for file in old.infolist():
            if not file.filename.endswith(end):
                new.writestr(file.filename, old.read(file))

    def replaced(old: zipfile.ZipFile, new: zipfile.ZipFile, end: str, by: bytes) -> None:
        for file in old.infolist():
            new.writestr(file.filename, by if file.filename.endswith(end) else old.read(file))

    def twice(old: zipfile.ZipFile, new: zipfile.ZipFile) -> None:
        packed(old, new, zipfile.ZIP_STORED)
        new.writestr(old.namelist()[0], b"other")

    def bomb(old: zipfile.ZipFile, new: zipfile.ZipFile) -> None:
        packed(old, new, zipfile.ZIP_STORED)
        new.writestr("whole/data/999", bytes(200_000_000), zipfile.ZIP_DEFLATED)

    yield "stored again", partial(again, edit=partial(packed, method=zipfile.ZIP_STORED)), "same"
    yield "deflated", partial(again, edit=partial(packed, method=zipfile.ZIP_DEFLATED)), "same"
    yield "bzip2", partial(again, edit=partial(packed, method=zipfile.ZIP_BZIP2)), "refuse"
    yield "lzma", partial(again, edit=partial(packed, method=zipfile.ZIP_LZMA)), "refuse"
    for end in ("data.pkl", "data/0", "data/7", "version", "byteorder"):
        may = "either" if end in ("version", "byteorder") else "refuse"
        yield f"without {end}", partial(again, edit=partial(without, end=end)), may
    for end, by in (
        ("data/3", b""),
        ("data/3", b"\0" * 8),
        ("byteorder", b"big"),
        ("byteorder", b"odd"),
        ("version", b"999\n"),
        ("data.pkl", b"."),
    ):
        may = "either" if end == "version" else "refuse"
        yield f"{end} is {by!r}", partial(again, edit=partial(replaced, end=end, by=by)), may
    yield "a name twice", partial(again, edit=twice), "refuse"
    yield "a bomb", partial(again, edit=bomb), "refuse"
    yield "rubbish in front", partial(_around, before=b"rubbish" * 9), "either"
    yield "rubbish behind", partial(_around, after=b"rubbish" * 9), "either"
    yield "a password", _encrypted, "refuse"


def _around(folder: Path, before: bytes = b"", after: bytes = b"") -> Path:
    path = _saved(folder, whole())
    path.write_bytes(before + path.read_bytes() + after)
    return path


def _encrypted(folder: Path) -> Path:
    """Set the flag of every file that says it has a password."""
    path = _saved(folder, whole())
    content = bytearray(path.read_bytes())
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = content.find(mark)
        while place >= 0:
            content[place + at] |= 1
            place = content.find(mark, place + 1)
    path.write_bytes(bytes(content))
    return path


class _Call:
    """Calls something when it is unpickled by a reader that allows it."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.function, self.arguments = function, arguments

    def __reduce__(self) -> Any:
        return self.function, self.arguments


def _code() -> Rows:
    def touch(folder: Path) -> str:
        return f"open({str(os.environ[RAN])!r}, 'w').close()"

    def write(folder: Path, function: Any, shape: str) -> Path:
        argument = touch(folder) if function in (exec, eval) else f"touch {os.environ[RAN]}"
        call = _Call(function, argument)
        content: Any = {"state": call, **whole()} if shape == "beside" else call
        if shape == "bare":
            return _bytes(folder, pickle.dumps(call, 2))
        if shape == "newer":
            return _bytes(folder, pickle.dumps({"a": call}, 4))
        return _saved(folder, content, **(_OLD if shape == "old" else {}))

    for function in (os.system, exec, eval):
        for shape in ("beside", "alone", "old", "bare", "newer"):
            yield (
                f"{function.__name__}, {shape}",
                partial(write, function=function, shape=shape),
                "refuse",
            )

    def network(folder: Path) -> Path:
        return _saved(folder, tiny_network(4))

    def script(folder: Path) -> Path:
        path = folder / "file.pth"
        torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), str(path))
        return path

    yield "a whole network", network, "refuse"
    yield "a program of TorchScript", script, "refuse"


def _pickles() -> Rows:
    def beside(folder: Path, value: Any) -> Path:
        return _saved(folder, {"more": value, **whole()})

    def nested() -> Any:
        value: Any = []
        for _ in range(400):
            value = [value]
        return value

    def itself() -> Any:
        value: dict[str, Any] = {}
        value["again"] = value
        return value

    yield "memory for a list", partial(beside, value=_Call(bytearray, 30_000_000_000)), "refuse"
    yield "memory for numbers", partial(beside, value=_Call(torch.Tensor, 10**5, 10**6)), "refuse"
    yield "a deep list", lambda folder: beside(folder, nested()), "either"
    yield "a dict in itself", lambda folder: beside(folder, itself()), "either"
    yield "NumPy", partial(beside, value=np.zeros(3)), "refuse"
    yield "a path", partial(beside, value=Path("x")), "refuse"
    for content in (None, 3, "text", [torch.zeros(2)], torch.zeros(2), {}, {1: 2}, {"a": {}}):
        yield f"{str(content)[:20]!r} alone", partial(_saved, content=content), "refuse"
    for text in (
        b".",
        b"}.",
        b"I1\n.",
        b"(" * 5000 + b".",
        b"cos\nsystem\n(S'x'\ntR.",
        b"\x80\x05",
    ):
        yield f"pickle {text[:12]!r}", partial(_bytes, content=text), "refuse"


def _numbers() -> Rows:
    def one(folder: Path, value: float, kind: torch.dtype, suffix: str) -> Path:
        state = {key: tensor.clone() for key, tensor in whole().items()}
        state[ONE] = state[ONE].to(kind)
        state[ONE][0, 3] = value
        return _saved(folder, state, suffix)

    for kind in (torch.float32, torch.float16, torch.bfloat16, torch.float64):
        for value in (float("nan"), float("-inf")):
            for suffix in (".pth", ".safetensors"):
                yield (
                    f"{value} as {kind}{suffix}",
                    partial(one, value=value, kind=kind, suffix=suffix),
                    "refuse",
                )
    yield "1e30", partial(one, value=1e30, kind=torch.float32, suffix=".pth"), "refuse"

    def all_as(folder: Path, change: Callable[[torch.Tensor], torch.Tensor]) -> Path:
        return _saved(folder, {key: change(tensor) for key, tensor in whole().items()})

    for kind in (torch.int8, torch.int64, torch.bool, torch.complex64, torch.float8_e4m3fn):
        yield f"all as {kind}", partial(all_as, change=lambda t, k=kind: t.to(k)), "refuse"
    yield "all double", partial(all_as, change=torch.Tensor.double), "same"
    yield "all parameters", partial(all_as, change=torch.nn.Parameter), "same"
    yield (
        "columns first",
        partial(all_as, change=lambda t: t.T.contiguous().T if t.ndim == 2 else t),
        "same",
    )

    def kind_of(folder: Path, change: Callable[[torch.Tensor], torch.Tensor]) -> Path:
        state = whole()
        return _saved(folder, {**state, ONE: change(state[ONE])})

    yield "sparse", partial(kind_of, change=torch.Tensor.to_sparse), "refuse"
    yield "nowhere", partial(kind_of, change=lambda t: t.to("meta")), "refuse"
    yield (
        "quantised",
        partial(kind_of, change=lambda t: torch.quantize_per_tensor(t, 0.1, 0, torch.qint8)),
        "refuse",
    )
    yield "repeated", partial(kind_of, change=lambda t: t[:, :1].expand(-1, 10**9)), "refuse"
    yield "empty", partial(kind_of, change=lambda t: t[:0]), "refuse"
    yield "a scalar", partial(kind_of, change=lambda t: t.sum()), "refuse"


def _architectures() -> Rows:
    def changed(folder: Path, edit: Callable[[State], Any]) -> Path:
        state = whole()
        return _saved(folder, edit(state) or state)

    def drop(state: State, part: str) -> State:
        return {key: tensor for key, tensor in state.items() if part not in key}

    def put(state: State, **more: Any) -> State:
        return {**state, **{key.replace("__", "."): value for key, value in more.items()}}

    for part in ("neck.1", "mask_decoder", "blocks.1", "pos_embed", "pe_layer", "prompt_encoder"):
        yield f"without {part}", partial(changed, edit=partial(drop, part=part)), "refuse"
    extra: dict[str, tuple[int, ...]] = {
        "image_encoder.blocks.999999999.norm1.weight": (32,),
        "mask_decoder.transformer.layers.77.norm1.weight": (32,),
        "mask_decoder.hf_token.weight": (1, 32),
        "image_encoder.adapter.weight": (3, 3),
    }
    for name, shape in extra.items():
        yield (
            f"with {name}",
            partial(changed, edit=partial(put, **{name.replace(".", "__"): torch.zeros(shape)})),
            "refuse",
        )
    shapes: dict[str, tuple[int, ...]] = {
        "image_encoder.patch_embed.proj.weight": (32, 3, 0, 0),
        "image_encoder.blocks.0.attn.rel_pos_h": (15, 64),
        "image_encoder.pos_embed": (1, 8, 7, 32),
        "image_encoder.neck.1.weight": (7,),
        "mask_decoder.mask_tokens.weight": (1, 32),
        "prompt_encoder.mask_downscaling.3.weight": (3, 2, 2, 2),
    }
    for name, shape in shapes.items():
        yield (
            f"{name} is {shape}",
            partial(changed, edit=partial(put, **{name.replace(".", "__"): torch.zeros(shape)})),
            "refuse",
        )
    yield "in a wrapper", partial(changed, edit=lambda s: {"model_state": s, "epoch": 3}), "same"
    yield (
        "with a prefix",
        partial(changed, edit=lambda s: {f"module.{key}": tensor for key, tensor in s.items()}),
        "same",
    )


def _safetensors() -> Rows:
    def header(folder: Path, edit: Callable[[dict[str, Any]], Any]) -> Path:
        path = _saved(folder, whole(), ".safetensors")
        content = path.read_bytes()
        (length,) = struct.unpack("<Q", content[:8])
        rows = json.loads(content[8 : 8 + length])
        text = edit(rows)
        text = text if isinstance(text, bytes) else json.dumps(rows).encode()
        path.write_bytes(struct.pack("<Q", len(text)) + text + content[8 + length :])
        return path

    def told(folder: Path, length: int) -> Path:
        path = _saved(folder, whole(), ".safetensors")
        path.write_bytes(struct.pack("<Q", length) + path.read_bytes()[8:])
        return path

    for length in (0, 1, 2**31, 2**63, 99_999_999):
        yield f"a header of {length}", partial(told, length=length), "refuse"
    for key, value in (
        ("data_offsets", [0, 10**12]),
        ("data_offsets", [-4, 128]),
        ("data_offsets", "all"),
        ("shape", [10**9, 10**9]),
        ("shape", [-1, 32]),
        ("shape", None),
        ("dtype", "F128"),
        ("dtype", "I32"),
    ):
        yield (
            f"{key} is {value}",
            partial(header, edit=lambda rows, k=key, v=value: rows[ONE].update({k: v})),
            "refuse",
        )
    for text in (b"{}", b"[]", b"{" * 9000, b"\xff\xfe{}", b'{"__metadata__": 5}'):
        yield f"header {text[:20]!r}", partial(header, edit=lambda rows, t=text: t), "refuse"


def _cells_files() -> Rows:
    def metadata(folder: Path, config: str | None) -> Path:
        path = folder / "file.safetensors"
        save_file(load_file(_cells()), path, None if config is None else {"config": config})
        return path

    def weights(folder: Path, edit: Callable[[State], State]) -> Path:
        import safetensors

        with safetensors.safe_open(_cells(), framework="pt") as file:
            words = file.metadata()
        path = folder / "file.safetensors"
        save_file(edit(load_file(_cells())), path, words)
        return path

    for config in (
        "{",
        "[]",
        "5",
        '{"widths": [1000000000, 1, 1, 1, 1]}',
        '{"widths": [1, 1, 1, 1, 1]}',
        '{"depths": [2000, 2000, 2000, 2000, 2000]}',
        '{"widths": [-5, 48, 96, 160, 224]}',
        '{"widths": "many"}',
        '{"unheard_of": [1]}',
        "[" * 50_000,
    ):
        yield f"config {config[:30]}", partial(metadata, config=config), "refuse"
    first = "image_encoder.down.0.0.0.weight"
    yield "NaN", partial(weights, edit=lambda s: {**s, first: s[first] * float("nan")}), "refuse"
    yield (
        "a weight less",
        partial(weights, edit=lambda s: {key: t for key, t in s.items() if key != first}),
        "refuse",
    )
    yield "another shape", partial(weights, edit=lambda s: {**s, first: s[first][:3]}), "refuse"
    yield (
        "whole numbers",
        partial(weights, edit=lambda s: {key: t.to(torch.int32) for key, t in s.items()}),
        "refuse",
    )


def _others() -> Rows:
    for content in (
        b"",
        b"\0",
        b"hello",
        b"<html>log in</html>",
        b"II*\0" + bytes(99),
        b"\x89PNG\r\n\x1a\n",
        b"\x89HDF\r\n\x1a\n",
        b"\x1f\x8b\x08" + bytes(99),
        b"version https://git-lfs.github.com/spec/v1\n",
        b"PK\x03\x04",
        b"PK\x05\x06" + bytes(18),
        bytes(100_000),
    ):
        for suffix in (".pth", ".safetensors"):
            yield (
                f"{content[:10]!r}{suffix}",
                partial(_bytes, content=content, suffix=suffix),
                "refuse",
            )

    def folder_of(folder: Path) -> Path:
        (folder / "file.pth").mkdir()
        return folder / "file.pth"

    def loop(folder: Path) -> Path:
        (folder / "file.pth").symlink_to(folder / "file.pth")
        return folder / "file.pth"

    def pipe(folder: Path) -> Path:
        os.mkfifo(folder / "file.pth")
        return folder / "file.pth"

    yield "a folder", folder_of, "refuse"
    if os.name != "nt":
        yield "a link to itself", loop, "refuse"
        yield "a pipe", pipe, "refuse"
