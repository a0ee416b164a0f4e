"""Why something failed, as another library tells it: its first sentence."""

from __future__ import annotations

import re

_LONGEST = 200
_END = re.compile(r"(?<=[.!?;])\s")


def reason_of(error: BaseException) -> str:
    """Return the first sentence of an error, without its full stop; never a part of a word.

    What libraries say after it is what to do, which is another thing for whoever uses this program.

    Examples
    --------
    >>> reason_of(RuntimeError("invalid header. This is an internal error. If you are seeing this"))
    'invalid header'
    >>> reason_of(EOFError())
    'EOFError'
    """
    lines = str(error).strip().splitlines()
    if not lines:
        return type(error).__name__
    sentence = _END.split(lines[0].strip(), maxsplit=1)[0].rstrip(".;")
    if len(sentence) <= _LONGEST:
        return sentence
    return sentence[:_LONGEST].rsplit(" ", 1)[0] + "…"
