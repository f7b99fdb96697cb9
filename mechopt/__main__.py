"""`python -m mechopt` is the command `mechopt`."""

import sys

from mechopt.cli import main

sys.exit(main())
