import pytest

from nautilus_lab.marketdata import MarketDataEngine, build_catalog


@pytest.fixture(scope="session")
def catalog(tmp_path_factory):
    """The real catalog, built once; tests only read it."""
    return build_catalog(tmp_path_factory.mktemp("catalog")).directory


@pytest.fixture
def data(catalog):
    return MarketDataEngine(catalog)
