"""Hypothesis strategies that several tests share."""

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp


def masses(units):
    """Masses of `units` units: non-negative, not all zero, some exactly zero."""
    value = st.one_of(st.just(0.0), st.floats(1e-3, 1.0))
    return hnp.arrays(np.float64, units, elements=value).filter(lambda m: m.sum() > 0)


@st.composite
def transport_problems(draw, largest=8):
    """(source mass, target mass, similarity in [-1, 1])."""
    n, m = draw(st.integers(1, largest)), draw(st.integers(1, largest))
    similarity = draw(hnp.arrays(np.float64, (n, m), elements=st.floats(-1, 1, width=32)))
    return draw(masses(n)), draw(masses(m)), similarity


@st.composite
def transport_batches(draw, largest=6):
    """(source masses (k, n), target masses (k, m), similarity (n, m))."""
    n, m, k = draw(st.integers(1, largest)), draw(st.integers(1, largest)), draw(st.integers(1, 4))
    similarity = draw(hnp.arrays(np.float64, (n, m), elements=st.floats(-1, 1, width=32)))
    sources = np.array([draw(masses(n)) for _ in range(k)])
    return sources, np.array([draw(masses(m)) for _ in range(k)]), similarity


# Letters, combining marks, emoji with joiners, right-to-left and unspaced scripts, markup.
_ALPHABET = (
    "aé e\u0301\u0327 ñßИй\u0438\u0306 العَرَبِيّة हिन्दी क्षि ไทยก็น้ำ 日本語が 中文，。"
    "👩\u200d👩\u200d👧🏽🇩🇪 0١९!?-'\"<&>"
)
texts = st.text(alphabet=_ALPHABET, min_size=1, max_size=60)
