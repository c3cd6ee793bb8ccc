"""Hypothesis strategies that several tests share."""

import unicodedata

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

# What shows nothing: spaces and joiners of no width, direction marks, a byte order mark, variation
# selectors, a soft hyphen, Hangul fillers, tags, and what no version of Unicode has assigned yet;
# and white space of several kinds, with the visible tatweel beside it.
INVISIBLE = (
    "\u200b\u200c\u200d\u200e\u200f\u2060\u2064\ufeff\u00ad\ufe0f\ufe0e\U000e0101\u3164\uffa0"
    "\u115f\u1160\u034f\u061c\u180e\u202a\u202c\u2066\u2069\u17b4\U000e0067\U000e007f\u2065"
)
_SPACES = " \n\t\u00a0\u3000\u2028\u2029"
_MARKED = (
    "ệếộửÅçй한각폭풍가ガぱ\u0958\u095c\u09cb\u0bca\u0929आ\u0623\u0651\u064e\u0e38\u0e48"
    "\u212b\uf900\u2126\ufb2a\u1100\u1161\u11a8\u0323\u0307ﬁ①½ＡｶﾞŉſⅧ…"
)
marked_texts = st.text(alphabet=_ALPHABET + _MARKED, min_size=1, max_size=40)
"""Texts with many letters that can be typed in several ways (composed, decomposed, reordered)."""
odd_texts = st.builds(
    unicodedata.normalize,
    st.sampled_from(["NFC", "NFD"]),
    st.lists(
        st.one_of(
            st.sampled_from(_ALPHABET + _MARKED),
            st.sampled_from(INVISIBLE),
            st.sampled_from(_SPACES),
        ),
        min_size=1,
        max_size=40,
    ).map("".join),
)
"""Texts with characters that show nothing anywhere in them, in either Unicode form."""
