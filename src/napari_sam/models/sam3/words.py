"""Words as SAM 3's text encoder reads them."""

from __future__ import annotations

import reprlib
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor

from napari_sam.errors import CheckpointError, PromptError
from napari_sam.models.sam2.network import transformers

LONGEST = 32  # tokens, with one before and one behind


class TextTokens(NamedTuple):
    """A text as numbers.

    Attributes
    ----------
    ids, mask : (1, 32) Tensor
        Numbers of the tokens, and which of them are text.
    """

    ids: Tensor
    mask: Tensor


class Tokenizer:
    """Turns words into numbers, by the files that come with the weights.

    Parameters
    ----------
    folder : Path
        With ``tokenizer.json``, or ``vocab.json`` and ``merges.txt``.

    Raises
    ------
    CheckpointError, InstallationError
    """

    def __init__(self, folder: Path) -> None:
        whole = (folder / "tokenizer.json").is_file()
        if not whole and not all(
            (folder / name).is_file() for name in ("vocab.json", "merges.txt")
        ):
            raise CheckpointError(
                f"SAM 3 reads words by a file tokenizer.json beside its weights; there is none in "
                f"{folder}. Copy it from where the weights come from."
            )
        library = transformers()
        try:
            self._read: Any = library.CLIPTokenizer.from_pretrained(
                str(folder), local_files_only=True
            )
        except Exception as error:  # what is no such file fails in any way
            raise CheckpointError(
                f"The tokenizer in {folder} cannot be read ({error}). Copy its files again."
            ) from error

    def read(self, text: str) -> TextTokens:
        """Return a text as numbers.

        Raises
        ------
        PromptError
            When it is too long.
        """
        found = self._read(text, return_tensors="pt", padding="max_length", max_length=LONGEST)
        if found.input_ids.shape[1] > LONGEST:
            raise PromptError(
                f"The text is too long for SAM 3, which reads up to {LONGEST - 2} parts of words: "
                f"{reprlib.repr(text)}. Say what is looked for in a noun or two."
            )
        return TextTokens(found.input_ids, found.attention_mask)
