"""`python -m nautilus_lab.cli`."""

import sys

from nautilus_lab.cli._main import main

sys.exit(main())
