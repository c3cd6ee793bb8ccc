"""The one place where the stages are put together: sentences in, attributions and pairs out."""

from ccta_core.pipeline.pairs import (
    check_pair,
    compare,
    compare_cached,
    compare_many,
    compare_many_cached,
)
from ccta_core.pipeline.sentences import attribute, attribute_layers, predict

__all__ = [
    "attribute",
    "attribute_layers",
    "check_pair",
    "compare",
    "compare_cached",
    "compare_many",
    "compare_many_cached",
    "predict",
]
