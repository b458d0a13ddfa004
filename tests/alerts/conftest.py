"""A home with alerts in it, raised by the lab itself and by nodes."""

import pytest

from nautilus_lab.config import load_settings
from nautilus_lab.platform.rundir import Home
from nautilus_lab.platform.store import DeskStore
from tests.monitoring.conftest import FakeNode


@pytest.fixture
def settings(tmp_path):
    return load_settings(tmp_path)


@pytest.fixture
def home(settings):
    return Home(settings.home_path).make()


@pytest.fixture
def desk(home):
    with DeskStore.open(home.store) as store:
        yield store


@pytest.fixture
def node(home):
    made = []

    def node(trader="T-1"):
        made.append(FakeNode(home, trader))
        return made[-1]

    yield node
    for one in made:
        one.store.close()
