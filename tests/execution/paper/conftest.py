import pytest

from tests.execution.paper.stage import Stage


@pytest.fixture
async def stage(tmp_path, monkeypatch):
    """A venue that serves, with clients that do not take seconds to notice things."""
    monkeypatch.setattr("nautilus_lab.execution.paper._client._HELLO_EVERY_S", 0.1)
    monkeypatch.setattr("nautilus_lab.execution.paper._client._LOST_AFTER_S", 0.3)
    stage = Stage(tmp_path, faults=True)
    await stage.open()
    yield stage
    await stage.strike()
