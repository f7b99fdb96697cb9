"""The command line. Heavy libraries are imported by the command that needs them, never by `--help`."""

from __future__ import annotations

import sys
from contextlib import suppress
from io import TextIOWrapper

from cyclopts import App, CycloptsError, UnknownCommandError, UnknownOptionError, UnusedCliTokensError

from mechopt import __version__, console
from mechopt.commands import allocator, knowledge, models, start
from mechopt.errors import MechoptError

EPILOGUE = """
Five mechanisms:

    overage            settle claims against entitlements; slack covers overage
    linked_vcg         share divisible resources over dates; linked transfers
    borrowing          who uses a resource first; orders, transfers, budgets
    forward_market     holdings and tariffs so that a spot market balances
    limited_liability  allocate online, paid only out of realised output

Three things to try:

    mechopt solve overage/eu_ets_2019
    mechopt report overage/eu_ets_2019 -o report.html
    mechopt new overage -o mine.toml && mechopt check mine.toml

Exit status: 0 done; 1 a check failed; 2 the input or the command is wrong; 3 no result with a certificate.
"""

app = App(
    name="mechopt",
    help="Solve, check, design and verify allocation mechanisms, with a guarantee on every result.",
    help_epilogue=EPILOGUE,
    help_format="plaintext",
    version=__version__,
    suppress_keyboard_interrupt=False,
)
for command in (
    models.solve, models.check, models.design, models.simulate, models.formulate, models.audit,
    knowledge.report, knowledge.verify, knowledge.axioms, start.new, start.doctor, start.explore,
):  # fmt: skip
    app.command(command)
app.command(start.list_, name="list")
app.command(allocator.app)
app.register_install_completion_command(help="Let the shell complete commands and options: bash, zsh or fish.")


def main(argv: list[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: the words after `mechopt`; those of this process by default.

    Returns:
        The exit status of the contract: 0, 1, 2 or 3; 130 after Ctrl-C.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # not every terminal can show every name
    tokens = sys.argv[1:] if argv is None else argv
    try:
        result = app(tokens, exit_on_error=False, print_error=False, result_action="return_value")
    except CycloptsError as error:
        return _fail(_usage(error), 2)
    except MechoptError as error:
        return _fail(str(error), error.exit_status)
    except ImportError as error:
        if error.name is None or error.name.startswith("mechopt"):
            raise
        return _fail(f"the library {error.name} is not installed; pip install 'mechopt[all]' brings it", 2)
    except OSError as error:
        console.discard_output()  # else what is still to be printed fails again when the program ends
        return _fail(f"{error.filename or 'standard output'}: {error.strerror or error}", 2)
    except SystemExit:
        return 0  # how rich ends where the reader of a help page has gone
    except KeyboardInterrupt:
        return _fail("interrupted", 130)
    return result if isinstance(result, int) else 0


def _usage(error: CycloptsError) -> str:
    """What is wrong with the words of a command, and what to write instead."""
    words = error.unused_tokens or []
    if isinstance(error, UnusedCliTokensError) and words:
        command = " ".join(["mechopt", *(error.command_chain or [])])
        return f"{words[0]!r} is one word too many; see {command} --help"
    if isinstance(error, UnknownOptionError) and error.token.value == "-":
        return "'-' is no file; write /dev/stdin to read a document from standard input"
    if isinstance(error, UnknownCommandError) and words and words[0] in ("help", "version"):
        return f"{words[0]!r} is no command; write mechopt --{words[0]}"
    if isinstance(error, UnknownCommandError) and words and ("/" in words[0] or words[0].endswith((".toml", ".json"))):
        return f"{words[0]!r} is no command; a model stands behind one, such as mechopt solve {words[0]}"
    return str(error)


def _fail(problem: str, status: int) -> int:
    if sys.stderr is not None:
        with suppress(OSError):  # nobody can be told; the status says it
            print("mechopt: " + " ".join(problem.split()), file=sys.stderr, flush=True)
    return status
