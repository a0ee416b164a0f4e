"""What the files of the package say themselves: what they import, and how long they are."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import napari_sam

ROOT = Path(napari_sam.__file__).parent
_MODULE = re.compile(r"napari_sam(\.\w+)+")
_NO_CODE = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}
Function = ast.FunctionDef | ast.AsyncFunctionDef


def module(path: Path, root: Path = ROOT) -> str:
    """Name a file as Python imports it."""
    parts = path.relative_to(root.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(path: Path, root: Path = ROOT) -> Iterator[str]:
    """List what a file imports: at once, later, for types, or by a name in a string."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    texts = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    package = module(path, root).split(".")
    if path.name != "__init__.py":
        del package[-1]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parent = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*parent, *([node.module] if node.module else [])])
            yield from (f"{base}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            name = node.value.partition(":")[0]
            if id(node) not in texts and _MODULE.fullmatch(name):
                yield name


def functions(text: str) -> Iterator[tuple[str, int]]:
    """List the functions of a file and how many lines of code each has.

    Comments, empty lines and docstrings are no code.
    """
    code: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in _NO_CODE:
            code.update(range(token.start[0], token.end[0] + 1))
    nodes = list(ast.walk(ast.parse(text)))
    for node in nodes:
        if isinstance(node, Function | ast.ClassDef) and ast.get_docstring(node) is not None:
            words = node.body[0]
            code.difference_update(range(words.lineno, (words.end_lineno or 0) + 1))
    for node in nodes:
        if isinstance(node, Function):
            yield node.name, len(code.intersection(range(node.lineno, (node.end_lineno or 0) + 1)))
