"""The data sets that are read by name."""

from collections.abc import Mapping
from types import MappingProxyType

from ccta_core.corpus.formats import english_nli, mrpc, panx, parallel, pawsx, squad, xnli
from ccta_core.corpus.source import DataSource

_EACH = (
    xnli.SOURCE,
    *english_nli.SOURCES,
    pawsx.SOURCE,
    mrpc.SOURCE,
    *squad.SOURCES,
    panx.SOURCE,
    *parallel.SOURCES,
)
SOURCES: Mapping[str, DataSource] = MappingProxyType({source.name: source for source in _EACH})
"""Name -> data set, in the order in which they are listed."""
