"""Gold word alignments: links must point at words that exist, in every set."""

import pytest

from ccta_core.corpus.alignments import read_awesome_align, read_xl_wa
from ccta_core.models.catalog import find


@pytest.mark.parametrize("name", ["enfr", "jaen", "roen", "zhen"])
def test_links_of_awesome_align_point_at_words(shared_data, name):
    pairs = read_awesome_align(shared_data / "word_align" / "awesome_align", name)
    links = [(pair, i, j) for pair in pairs for i, j in pair.sure | pair.possible]
    outside = {pair for pair, i, j in links if not (i < len(pair.source) and j < len(pair.target))}
    assert len(outside) <= 0.01 * len(pairs)  # ja-en has 4 sentences with a link past the end
    assert min(i for _, i, _ in links) == min(j for _, _, j in links) == 0


@pytest.mark.parametrize("lang", ["es", "ru"])
def test_links_of_xl_wa_point_at_words(shared_data, lang):
    for pair in read_xl_wa(shared_data / "word_align" / "xl_wa" / lang / "dev.tsv"):
        assert all(i < len(pair.source) and j < len(pair.target) for i, j in pair.sure)


def test_no_gold_set_is_read_out_of_step():
    """Read one word out of step, ja-en had an AER of 0.93; read right, 0.70."""
    info = find("e5-small/nli-en")
    assert all(rates[info.align_layer] < 0.8 for rates in info.card["aer_by_layer"].values())
