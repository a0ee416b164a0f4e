"""The table of the zoo: models that are published, as independent programs pin their files.

A file's hash is in it when its publisher's own program pins it (micro-sam), or when programs that
have nothing to do with each other pin the same one for it (all others). A size is exact where a
program pins it.
"""

from __future__ import annotations

from napari_sam.models.cells.family import CELLS
from napari_sam.models.edgetam.family import EDGETAM
from napari_sam.models.entry import Entry, Weights
from napari_sam.models.family import Family
from napari_sam.models.hq_sam.family import HQ_SAM
from napari_sam.models.mobile_sam.family import MOBILE_SAM
from napari_sam.models.sam.family import SAM
from napari_sam.models.sam2.family import SAM2

_META = "https://dl.fbaipublicfiles.com/"
_HUB = "https://huggingface.co/"
_GITHUB = "https://raw.githubusercontent.com/"
_HQ = _HUB + "lkeab/hq-sam/resolve/"
_BIOIMAGE = "https://uk1s3.embassy.ebi.ac.uk/public-datasets/bioimage.io/"
_OWNCLOUD = "https://owncloud.gwdg.de/index.php/s/"
_DECODER = 38  # MB of micro-sam's, roughly


def _sam(name: str, *, file: str, size: int, sha256: str, good_for: str) -> Entry:
    return Entry(
        name=name,
        family=SAM,
        file=file,
        bytes=size,
        known_hash=sha256,
        url=_META + "segment_anything/" + file,
        licence="Apache-2.0",
        good_for=good_for,
    )


def _sam2(kind: str, *, size: int, sha256: str, good_for: str) -> Entry:
    file = f"sam2.1_hiera_{kind}.pt"
    repository = f"facebook/sam2.1-hiera-{kind.replace('_', '-')}"
    return Entry(
        name=f"sam2.1_{kind}",
        family=SAM2,
        file=file,
        bytes=size,
        known_hash=sha256,
        url=_META + "segment_anything_2/092824/" + file,
        licence="Apache-2.0",
        good_for=good_for,
        mirrors=(f"{_HUB}{repository}/resolve/main/{file}",),
    )


def _hq(
    kind: str, *, known_hash: str, commit: str, good_for: str, size: int = 0, about: int = 0
) -> Entry:
    file = f"sam_hq_{kind}.pth"
    return Entry(
        name=f"hq_sam_{kind.replace('vit_tiny', 'tiny')}",
        family=HQ_SAM,
        file=file,
        bytes=size,
        known_hash=known_hash,
        url=f"{_HQ}{commit}/{file}",
        licence="Apache-2.0",
        good_for=good_for,
        mirrors=(f"{_HQ}main/{file}",),
        about=about,
    )


_SIZES: dict[str, tuple[Family, int]] = {
    "vit_t": (MOBILE_SAM, 41),
    "vit_b": (SAM, 375),
    "vit_l": (SAM, 1250),
    "vit_h": (SAM, 2565),
}


def _micro_sam(
    name: str, *, urls: tuple[str, str], hashes: tuple[str, str], licence: str, good_for: str
) -> Entry:
    """A model of micro-sam, with its decoder; files are called as in micro-sam's own cache.

    Of two addresses or hashes the first is the checkpoint's, the second the decoder's.
    """
    family, about = _SIZES[name[:5]]
    decoder = Weights(
        file=f"{name}_decoder",
        bytes=0,
        known_hash=f"xxh128:{hashes[1]}",
        urls=(urls[1],),
        about=_DECODER,
    )
    return Entry(
        name=f"micro_sam_{name}",
        family=family,
        file=name,
        bytes=0,
        known_hash=f"xxh128:{hashes[0]}",
        url=urls[0],
        licence=licence,
        good_for=good_for,
        about=about,
        beside=(decoder,),
    )


def _bioimage(name: str, *, place: str, hashes: tuple[str, str], good_for: str) -> Entry:
    begin = f"{_BIOIMAGE}{place}/files/{name[:5]}"
    return _micro_sam(
        name,
        urls=(begin + ".pt", begin + "_decoder.pt"),
        hashes=hashes,
        licence="CC-BY-4.0",
        good_for=good_for,
    )


def _histopathology(size: str, *, places: tuple[str, str], hashes: tuple[str, str]) -> Entry:
    return _micro_sam(
        f"{size}_histopathology",
        urls=(f"{_OWNCLOUD}{places[0]}/download", f"{_OWNCLOUD}{places[1]}/download"),
        hashes=hashes,
        licence="not stated",
        good_for="Nuclei in stained tissue, all at once; by the authors of micro-sam.",
    )


_LM = "Cells and nuclei in light microscopy, all at once and by clicks"
_EM = "Mitochondria and nuclei in electron microscopy, all at once and by clicks"
_SMALL, _MIDDLE, _LARGE = "; quick.", ".", "; a GPU helps."
_FINE = "Thin and branched outlines, by clicks"

ZOO: tuple[Entry, ...] = (
    Entry(
        name="cells",
        family=CELLS,
        file="",
        bytes=0,
        known_hash="",
        url="",
        licence="BSD-3-Clause",
        good_for="Cells and nuclei, at once and without a GPU; finds all cells by itself.",
    ),
    _sam(
        "sam_vit_b",
        file="sam_vit_b_01ec64.pth",
        size=375042383,
        sha256="ec2df62732614e57411cdcf32a23ffdf28910380d03139ee0f4fcbe91eb8c912",
        good_for="Anything with clear outlines; the smallest SAM, some seconds per plane on a CPU.",
    ),
    _sam(
        "sam_vit_l",
        file="sam_vit_l_0b3195.pth",
        size=1249524607,
        sha256="3adcc4315b642a4d2101128f611684e8734c41232a17c648ed1693702a49a622",
        good_for="Better masks than ViT-B at about three times its time; a GPU helps.",
    ),
    _sam(
        "sam_vit_h",
        file="sam_vit_h_4b8939.pth",
        size=2564550879,
        sha256="a7bf3b02f3ebf1267aba913ff637d9a2d5c33d3173bb679e46d9f338c26f262e",
        good_for="The best masks of the original SAM; needs a GPU to be pleasant.",
    ),
    Entry(
        name="mobile_sam",
        family=MOBILE_SAM,
        file="mobile_sam.pt",
        bytes=40728226,
        known_hash="6dbb90523a35330fedd7f1d3dfc66f995213d81b29a5ca8108dbcdd4e37d6c2f",
        url=f"{_GITHUB}ChaoningZhang/MobileSAM/f706ad9c4eb7f219c00d9050e46328518ffb65d2/"
        "weights/mobile_sam.pt",
        licence="Apache-2.0",
        good_for="Anything with clear outlines on a laptop: a small and quick SAM.",
        mirrors=(_GITHUB + "ChaoningZhang/MobileSAM/master/weights/mobile_sam.pt",),
    ),
    _sam2(
        "tiny",
        size=156008466,
        sha256="7402e0d864fa82708a20fbd15bc84245c2f26dff0eb43a4b5b93452deb34be69",
        good_for="Objects through slices and time, some seconds per plane on a CPU.",
    ),
    _sam2(
        "small",
        size=184416285,
        sha256="6d1aa6f30de5c92224f8172114de081d104bbd23dd9dc5c58996f0cad5dc4d38",
        good_for="Objects through slices and time, a little slower than sam2.1_tiny.",
    ),
    _sam2(
        "base_plus",
        size=323606802,
        sha256="a2345aede8715ab1d5d31b4a509fb160c5a4af1970f199d9054ccfb746c004c5",
        good_for="Objects through slices and time; a GPU helps.",
    ),
    _sam2(
        "large",
        size=898083611,
        sha256="2647878d5dfa5098f2f8649825738a9345572bae2d4350a2468587ece47dd318",
        good_for="Objects through slices and time; needs a GPU to be pleasant.",
    ),
    Entry(
        name="edgetam",
        family=EDGETAM,
        file="edgetam.pt",
        bytes=56116523,
        known_hash="ed2d4850b8792c239689b043c47046ec239b6e808a3d9b6ae676c803fd8780df",
        url=f"{_GITHUB}facebookresearch/EdgeTAM/7711e012a30a2402c4eaab637bdb00a521302c91/"
        "checkpoints/edgetam.pt",
        licence="Apache-2.0",
        good_for="Objects through slices and time on a laptop: a small and quick SAM 2.",
        mirrors=(_HUB + "facebook/EdgeTAM/resolve/main/edgetam.pt",),
    ),
    _hq(
        "vit_tiny",
        known_hash="0f32c075ccdd870ae54db2f7630e7a0878ede5a2b06d05d6fe02c65a82fb7196",
        commit="a3a77cd0a2e5e50eaa76faccf61b964732d9b35f",
        good_for=_FINE + ", on a laptop.",
        about=42,
    ),
    _hq(
        "vit_b",
        known_hash="md5:c6b8953247bcfdc8bb8ef91e36a6cacc",
        commit="67ab82412bc794d5ce2e9799b8b6a3c0a8cfe1d2",
        good_for=_FINE + _MIDDLE,
        about=379,
    ),
    _hq(
        "vit_l",
        known_hash="md5:08947267966e4264fb39523eccc33f86",
        commit="67ab82412bc794d5ce2e9799b8b6a3c0a8cfe1d2",
        good_for=_FINE + _LARGE,
        about=1250,
    ),
    _hq(
        "vit_h",
        known_hash="a7ac14a085326d9fa6199c8c698c4f0e7280afdbb974d2c4660ec60877b45e35",
        commit="67ab82412bc794d5ce2e9799b8b6a3c0a8cfe1d2",
        good_for=_FINE + _LARGE,
        size=2570940653,
    ),
    _bioimage(
        "vit_t_lm",
        place="faithful-chicken/1.1",
        hashes=("72ec5074774761a6e5c05a08942f981e", "3e914a5f397b0312cdd36813031f8823"),
        good_for=_LM + _SMALL,
    ),
    _bioimage(
        "vit_b_lm",
        place="diplomatic-bug/1.2",
        hashes=("fe9252a29f3f4ea53c15a06de471e186", "708b15ac620e235f90bb38612c4929ba"),
        good_for=_LM + _MIDDLE,
    ),
    _bioimage(
        "vit_l_lm",
        place="idealistic-rat/1.2",
        hashes=("017f20677997d628426dec80a8018f9d", "2faeafa03819dfe03e7c46a44aaac64a"),
        good_for=_LM + _LARGE,
    ),
    _bioimage(
        "vit_t_em_organelles",
        place="greedy-whale/1",
        hashes=("253474720c497cce605e57c9b1d18fd9", "8f897c7bb93174a4d1638827c4dd6f44"),
        good_for=_EM + _SMALL,
    ),
    _bioimage(
        "vit_b_em_organelles",
        place="noisy-ox/1.2",
        hashes=("f3bf2ed83d691456bae2c3f9a05fb438", "bb6398956a6b0132c26b631c14f95ce2"),
        good_for=_EM + _MIDDLE,
    ),
    _bioimage(
        "vit_l_em_organelles",
        place="humorous-crab/1.2",
        hashes=("810b084b6e51acdbf760a993d8619f2d", "334877640bfdaaabce533e3252a17294"),
        good_for=_EM + _LARGE,
    ),
    _histopathology(
        "vit_b",
        places=("sBB4H8CTmIoBZsQ", "KO9AWqynI7SFOBj"),
        hashes=("ffd1a2cd84570458b257bd95fdd8f974", "6a66194dcb6e36199cbee2214ecf7213"),
    ),
    _histopathology(
        "vit_l",
        places=("IZgnn1cpBq2PHod", "oIs6VSmkOp7XrKF"),
        hashes=("b591833c89754271023e901281dee3f2", "46aab7765d4400e039772d5a50b55c04"),
    ),
    _histopathology(
        "vit_h",
        places=("L7AcvVz7DoWJ2RZ", "1qAKxy5H0jgwZvM"),
        hashes=("bd1856dafc156a43fb3aa705f1a6e92e", "3ed9f87e46ad5e16935bd8d722c8dc47"),
    ),
)
