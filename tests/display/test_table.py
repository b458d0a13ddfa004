import math

import pandas as pd
import pytest

from nautilus_lab.display import Table, escape, format_value, html_table
from nautilus_lab.exceptions import InputError


@pytest.mark.parametrize(
    ("value", "form", "text"),
    [
        (0.12345, ".1%", "12.3%"),
        (-0.5, ".2f", "\N{MINUS SIGN}0.50"),
        (-0.0001, ".2f", "0.00"),
        (-0.0, None, "0"),
        (1234567, None, "1,234,567"),
        (1234.5678, None, "1,235"),
        (math.inf, ".2f", "inf"),
        (math.nan, ".2f", "—"),
        (None, None, "—"),
        (pd.NaT, None, "—"),
        (pd.Timestamp("2024-01-02", tz="UTC"), None, "2024-01-02"),
        (pd.Timestamp("2024-01-02 15:30", tz="UTC"), None, "2024-01-02 15:30:00+00:00"),
        (True, None, "True"),
        ("AAPL", ".2f", "AAPL"),
        (0.5, lambda value: f"half is {value}", "half is 0.5"),
    ],
)
def test_values_are_written_as_a_reader_expects(value, form, text):
    assert format_value(value, form) == text


def test_markup_in_any_cell_head_title_or_note_is_shown_and_not_run():
    attack = "<script>alert('x')</script>"
    drawn = Table(rows=[{attack: attack}], title=attack, note=attack).html
    assert "<script" not in drawn
    assert drawn.count(escape(attack)) == 4


def test_markup_in_an_index_or_a_column_of_a_frame_is_escaped():
    frame = pd.DataFrame({"<b>": [1.0]}, index=pd.Index(["<i>"], name="<u>"))
    drawn = html_table(frame)
    assert not any(tag in drawn for tag in ("<b>", "<i>", "<u>"))


def test_the_index_of_a_frame_is_its_first_column_and_years_have_no_separator():
    frame = pd.DataFrame({"return": [0.1]}, index=pd.Index([2010], name="year"))
    assert Table(rows=frame, formats={"return": ".0%"}).text == "year  return\n2010     10%"


def test_a_plain_count_of_rows_is_not_shown():
    assert Table(rows=pd.DataFrame({"a": [1], "b": ["x"]})).text == "a  b\n1  x"


def test_a_long_table_shows_both_ends_and_how_many_rows_it_leaves_out():
    lines = Table(rows=pd.DataFrame({"n": range(1000)}), most=4).text.splitlines()
    assert [line.strip() for line in lines] == ["n", "0", "1", "… 996 more", "998", "999"]


def test_negative_numbers_are_marked_and_numbers_are_aligned_right():
    drawn = html_table([{"name": "a", "p&l": -1.0}, {"name": "b", "p&l": 2.0}])
    assert '<td class="nl-number nl-negative">\N{MINUS SIGN}1</td>' in drawn
    assert '<td class="nl-number">2</td>' in drawn
    assert '<th scope="col" class=nl-number>p&amp;l</th>' in drawn


def test_a_loss_too_small_to_be_written_is_not_marked_as_one():
    drawn = html_table([{"return": -0.0001}], {"return": ".1%"})
    assert '<td class="nl-number">0.0%</td>' in drawn


def test_an_empty_frame_shows_its_columns_and_an_empty_list_is_refused():
    assert Table(rows=pd.DataFrame({"a": [], "b": []})).text == "a  b"
    with pytest.raises(InputError, match="at least one row"):
        html_table([])
