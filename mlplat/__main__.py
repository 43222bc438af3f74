"""``python -m mlplat``."""

import sys

from mlplat.cli import main

if __name__ == "__main__":
    sys.exit(main())
