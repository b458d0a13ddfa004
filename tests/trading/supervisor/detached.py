"""A supervisor's process whose children stand in: `python detached.py --home DIR [--detach]`."""

import sys

from nautilus_lab.trading.supervisor import Child
from nautilus_lab.trading.supervisor.__main__ import main
from tests.trading.supervisor.conftest import stand_in


def run_stand_ins():
    made = Child.__init__

    def make(self, **settings):
        made(self, **settings)
        stand_in(self)

    Child.__init__ = make


if __name__ == "__main__":
    run_stand_ins()
    sys.exit(main())
