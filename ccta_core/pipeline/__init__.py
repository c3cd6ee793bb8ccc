"""The one place where the stages are put together: sentences in, attributions and pairs out."""

from ccta_core.pipeline.pairs import compare, compare_cached
from ccta_core.pipeline.sentences import attribute, attribute_layers

__all__ = ["attribute", "attribute_layers", "compare", "compare_cached"]
