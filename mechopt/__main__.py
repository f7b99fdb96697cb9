"""`python -m mechopt` is the command `mechopt`, and both begin here."""

import sys


def start() -> int:
    """Run the command; Ctrl-C before everything is loaded is one line as well."""
    try:
        from mechopt.cli import main
    except KeyboardInterrupt:
        print("mechopt: interrupted", file=sys.stderr)
        return 130
    return main()


if __name__ == "__main__":
    sys.exit(start())
