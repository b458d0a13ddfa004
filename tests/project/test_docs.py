import pytest

from scripts import docs


@pytest.mark.parametrize("page", docs.GENERATED)
def test_a_generated_page_says_what_the_code_says(repository, page):
    assert (repository / page).read_text("utf-8") == docs.GENERATED[page](), "run make docs"


def test_every_link_between_files_leads_somewhere():
    assert docs.broken_links() == []


def test_the_index_leads_to_every_page():
    assert docs.lost_pages() == []


def test_every_example_in_the_pages_holds():
    assert docs.broken_examples() == []


def test_the_index_leads_from_data_to_trading_and_names_each_notebook(repository):
    told = docs.index()
    order = ("features.md", "factors.md", "trials.md", "backtesting.md", "limits.md", "trading.md")
    places = [told.index(f"(concepts/{page})") for page in order]
    assert places == sorted(places)
    for path in (repository / "notebooks" / "research").glob("*.ipynb"):
        assert f"({path.name}" in told.replace("../notebooks/research/", "")
    assert "### Others" not in told


def test_a_link_to_nowhere_and_a_block_that_is_no_python_are_found(tmp_path, monkeypatch):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "index.md").write_text(
        "# Here\n[a](absent.md) [b](#here) [c](#gone) [d](https://example.com) `[e](code.md)`\n"
        "```python\nimport\n```\n\n>>> 1 + 1\n3\n"
    )
    (tmp_path / "docs" / "lost.md").write_text("# Lost\n")
    monkeypatch.setattr(docs, "ROOT", tmp_path)
    assert docs.broken_links() == ["docs/index.md: absent.md", "docs/index.md: #gone"]
    assert docs.lost_pages() == ["docs/index.md does not link docs/lost.md"]
    syntax, example = docs.broken_examples()
    assert syntax.startswith("docs/index.md: Expected one or more names")
    assert example == "docs/index.md: 1 examples fail"


def test_the_settings_page_names_the_key_its_bounds_and_its_variable():
    row = next(line for line in docs.configuration().splitlines() if "conflate_ms" in line)
    assert (
        row == "| `streaming.conflate_ms` | `200` | ≥ 10, ≤ 10000 | `NL_STREAMING__CONFLATE_MS` |"
    )
