"""`python -m stagec` is the command `stagec`."""

import sys

from stagec.cli import main

sys.exit(main())
