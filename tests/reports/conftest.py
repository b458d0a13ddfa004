"""A report with every kind of cell, and readers of every format."""

import csv
import io
import json
import re
import zipfile
from datetime import UTC, datetime
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from nautilus_lab.provenance import Provenance
from nautilus_lab.reports import Column, Completeness, DataUsed, Lineage, Report, Section

AS_OF = datetime(2026, 3, 2, 21, 0, tzinfo=UTC)
LINEAGE = Lineage(
    code="nautilus-lab 0.1.0, revision abc",
    data=(DataUsed(name="returns", sha256="0" * 64, rows=250, source="skfolio", last=AS_OF),),
    parameters={"confidence": "0.99"},
)


def a_report(rows=None, **changes):
    cells = rows if rows is not None else [("plain", 0.5, 3, True, None, AS_OF)]
    width = len(cells[0]) if cells else 1
    section = Section(
        name="Cells",
        columns=tuple(Column(name=f"column {n}", unit="USD") for n in range(width)),
        rows=tuple(map(tuple, cells)),
        source="made by hand",
        note="a note",
    )
    facts = {
        "title": "A report",
        "subject": "PAPER-001",
        "as_of": AS_OF,
        "sections": (section,),
        "lineage": LINEAGE,
        "completeness": (
            Completeness(what="limits", expected=4, present=3, missing=("loss: no P&L",)),
        ),
        "provenance": Provenance(notices=("Survivors only.",), simulated=True),
    }
    return Report(**{**facts, **changes})


def number(text):
    return float(text)


def from_json(content):
    said = json.loads(content)
    names = ("NaN", "Infinity", "-Infinity")
    return {
        one["name"]: [
            tuple(float(c) if c in names and isinstance(c, str) else c for c in row)
            for row in one["rows"]
        ]
        for one in said["sections"]
    }


def from_csv(content):
    found = {}
    for line in csv.DictReader(io.StringIO(content.decode(), newline="")):
        kinds = {
            "none": lambda text: None,
            "bool": lambda text: text == "true",
            "number": number,
            "text": lambda text: text.removeprefix("'"),
        }
        rows = found.setdefault(line["section"], {})
        rows.setdefault(line["row"], []).append(kinds[line["type"]](line["value"]))
    return {name: [tuple(row) for row in rows.values()] for name, rows in found.items()}


class Page(HTMLParser):
    """Reads the tables of a page; `tags` are all that it has."""

    def __init__(self):
        super().__init__()
        self.tables, self.tags, self.name, self.inside, self.cell, self.value = (
            {},
            [],
            "",
            "",
            "",
            None,
        )

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag == "h2":
            self.name = ""
        if tag == "tr":
            self.tables.setdefault(self.name, []).append([])
        if tag in ("td", "th"):
            self.cell, self.value = "", None
        if tag == "data":
            self.value = dict(attributes)["value"]
        self.inside = tag

    def handle_endtag(self, tag):
        if tag == "td":
            told = {"true": True, "false": False, "": None}.get(self.cell, self.cell)
            self.tables[self.name][-1].append(told if self.value is None else number(self.value))
        self.inside = ""

    def handle_data(self, data):
        if self.inside == "h2":
            self.name += data
        self.cell += data


def from_html(content):
    page = Page()
    page.feed(content.decode())
    return {name: [tuple(row) for row in rows[1:]] for name, rows in page.tables.items()}


def from_xlsx(content):
    space = {"m": "http://schemas.openxmlformats.org/spreadsheetml/2006/main"}
    with zipfile.ZipFile(io.BytesIO(content)) as book:
        assert book.testzip() is None
        shared = [
            "".join(part.text or "" for part in one.iter(f"{{{space['m']}}}t"))
            for one in ElementTree.fromstring(book.read("xl/sharedStrings.xml"))
        ]
        names = [
            one.get("name")
            for one in ElementTree.fromstring(book.read("xl/workbook.xml")).find("m:sheets", space)
        ]
        found = {}
        for place, name in enumerate(names, start=1):
            sheet = ElementTree.fromstring(book.read(f"xl/worksheets/sheet{place}.xml"))
            assert sheet.findall(".//m:f", space) == []
            rows = []
            for row in sheet.findall(".//m:row", space)[1:]:
                cells = {}
                for cell in row:
                    column = ord(re.match("[A-Z]", cell.get("r"))[0]) - 65
                    text = cell.find("m:v", space).text
                    kind = cell.get("t")
                    if kind == "s":
                        cells[column] = re.sub(
                            "_x([0-9A-F]{4})_", lambda m: chr(int(m[1], 16)), shared[int(text)]
                        )
                    else:
                        cells[column] = text == "1" if kind == "b" else float(text)
                rows.append(cells)
            found[name] = rows
    return found


def from_pdf(content):
    """The lines of all pages, by the cross-reference table."""
    at = int(re.search(rb"startxref\n(\d+)\n%%EOF\n$", content)[1])
    places = re.findall(rb"^(\d{10}) 00000 n $", content[at:], re.MULTILINE)
    for count, place in enumerate(places, start=1):
        assert content[int(place) :].startswith(b"%d 0 obj\n" % count)
    lines = []
    for size, stream in re.findall(
        rb"/Length (\d+) >>\nstream\n(.*?)\nendstream", content, re.DOTALL
    ):
        assert len(stream) == int(size)
        for line in re.findall(rb"^(?:.*Td )?\((.*)\) Tj", stream, re.MULTILINE):
            lines.append(re.sub(r"\\([\\()])", r"\1", line.decode("cp1252")))
    return lines


@pytest.fixture
def report():
    return a_report


@pytest.fixture
def readers():
    return {"json": from_json, "csv": from_csv, "html": from_html}


@pytest.fixture
def read_xlsx():
    return from_xlsx


@pytest.fixture
def read_pdf():
    return from_pdf


@pytest.fixture
def page():
    return Page()
