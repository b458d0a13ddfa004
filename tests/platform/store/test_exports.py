from types import ModuleType

from nautilus_lab.platform import audit, outbox, store


def test_the_contents_pages_name_what_is_there():
    for room in (audit, outbox, store):
        there = {name for name, value in vars(room).items() if not isinstance(value, ModuleType)}
        assert set(room.__all__) == {name for name in there if not name.startswith("_")}
