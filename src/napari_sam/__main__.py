"""``python -m napari_sam`` is the same as ``napari-sam``."""

import sys

from napari_sam.cli import main

if __name__ == "__main__":
    sys.exit(main())
