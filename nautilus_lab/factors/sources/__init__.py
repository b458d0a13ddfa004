"""The factors of the eight sources, each written down as data, computed point in time."""

from nautilus_lab.factors.sources._catalogue import source_catalog, source_factor, source_family
from nautilus_lab.factors.sources._definition import SourceFactor, SourceFamily, SourceInput
from nautilus_lab.factors.sources._leaks import find_source_leaks
from nautilus_lab.factors.sources._panel import SourcePanel
from nautilus_lab.factors.sources._synthesise import synthesise

__all__ = [
    "SourceFactor",
    "SourceFamily",
    "SourceInput",
    "SourcePanel",
    "find_source_leaks",
    "source_catalog",
    "source_factor",
    "source_family",
    "synthesise",
]
