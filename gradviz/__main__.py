"""``python -m gradviz``: the command line; ``python -m gradviz train.py`` runs a program."""

import sys

from gradviz.cli import main

if __name__ == "__main__":
    sys.exit(main())
