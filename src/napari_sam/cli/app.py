"""The parser, and what happens to errors: one clear line and an exit code, no traceback.

Exit codes: 0 done, 1 something failed, 2 the command was wrong, 130 interrupted, 143 terminated.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence

from napari_sam import __version__
from napari_sam.cli.signals import Terminated, terminated_as_interrupted
from napari_sam.errors import NapariSamError
from napari_sam.spelling import did_you_mean

INTERRUPTED, TERMINATED = 130, 143  # 128 and the number of the signal, as shells have it
#: A file of this folder each, in the order in which they are listed.
COMMANDS = ("demo", "segment", "replay", "classify", "adapt", "models", "cache", "export")


def build_parser(words: Sequence[str] = ()) -> argparse.ArgumentParser:
    """Build the parser; imports nothing heavy.

    Parameters
    ----------
    words : sequence of str
        What was typed. When it begins with a command, flags of others are not made.
    """
    parser = argparse.ArgumentParser(
        prog="napari-sam",
        description="Segment cells in microscopy images with Segment Anything models.",
    )
    parser.add_argument("--version", action="version", version=f"napari-sam-bio {__version__}")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--debug", action="store_true", help="show the full traceback of an error")
    commands = parser.add_subparsers(title="commands", dest="command", metavar="COMMAND")
    for name in _wanted(words):
        importlib.import_module(f"napari_sam.cli.{name}").add_parser(commands, common)
    return parser


def _wanted(words: Sequence[str]) -> tuple[str, ...]:
    """List the commands that the parser of a command line has to know."""
    first = words[0] if words else ""
    if first in COMMANDS:
        return (first,)
    return () if first == "--version" else COMMANDS


def _with_dashes(words: Sequence[str]) -> list[str]:
    """Spell options with dashes that were typed as parameters of Python, with underscores."""
    spelled: list[str] = []
    for at, word in enumerate(words):
        if word == "--":
            return [*spelled, *words[at:]]
        name, equals, value = word.partition("=")
        option = name.startswith("--")
        spelled.append(name.replace("_", "-") + equals + value if option else word)
    return spelled


def _not_known(words: Sequence[str], command: str | None, parser: argparse.ArgumentParser) -> str:
    """Say that there are no such options, and where those are listed that there are."""
    help_of = f"napari-sam {command}" if command else "napari-sam"
    typed = next((word.partition("=")[0] for word in words if word.startswith("--")), "")
    guess = did_you_mean(typed, _flags(parser, command), least=0.75) if typed else ""
    listed = " ".join(words)
    return f"unrecognized arguments: {listed}.{guess} '{help_of} --help' lists what there is."


def _flags(parser: argparse.ArgumentParser, command: str | None) -> list[str]:
    """List the options of a command."""
    parsers: dict[str, argparse.ArgumentParser] = {}
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            parsers |= action.choices
    own = parsers.get(command or "", parser)
    return [flag for action in own._actions for flag in action.option_strings]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line.

    Parameters
    ----------
    arguments : sequence of str, optional
        ``sys.argv[1:]`` by default.

    Returns
    -------
    int
        The exit code.
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a console that cannot show a name must not end the run
            stream.reconfigure(errors="replace")
    words = _with_dashes(sys.argv[1:] if arguments is None else arguments)
    parser = build_parser(words)
    options, strange = parser.parse_known_args(words)
    if strange:
        parser.error(_not_known(strange, options.command, parser))
    if options.command is None:
        parser.print_help()
        return 2
    try:
        with terminated_as_interrupted():
            code: int = options.run(options)
    except NapariSamError as error:
        if options.debug:
            raise
        print(f"napari-sam: {error}", file=sys.stderr)
        return 1
    except Terminated:
        print("\nnapari-sam: ended by SIGTERM; finished files are kept.", file=sys.stderr)
        return TERMINATED
    except KeyboardInterrupt:
        print("\nnapari-sam: interrupted; finished files are kept.", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output went away, as `head` does
        sys.stderr.close()
        return 1
    except OSError as error:
        if options.debug:
            raise
        from napari_sam.batch.outcome import told

        print(f"napari-sam: {told(error)}", file=sys.stderr)
        return 1
    return code
