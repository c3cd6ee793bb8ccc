"""Gold word alignments: links must point at words that exist, in every set."""

import pytest

from ccta_core.corpus.alignments import read_awesome_align, read_talp, read_xl_wa
from ccta_core.corpus.formats import muse
from ccta_core.errors import CctaError
from ccta_core.models.catalog import find
from research.space.gold import gold_sets, training_bitext


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


def test_links_of_the_german_set_point_at_words(shared_data):
    folder = shared_data / "word_align" / "cross_align"
    pairs = read_talp(folder / "test.de-en", folder / "deen.talp")
    assert len(pairs) == 508
    for pair in pairs:
        assert all(i < len(pair.source) and j < len(pair.target) for i, j in pair.sure)
    assert pairs[1].source == ("Das", "stimmt", "nicht", "!")
    assert (2, 3) in pairs[1].sure  # nicht - not


def test_no_sentence_is_both_chosen_on_and_scored_on(shared_data):
    """But for the few that a set itself repeats."""
    for gold in gold_sets(shared_data):
        dev = {(pair.source, pair.target) for pair in gold.dev}
        again = [pair for pair in gold.rest if (pair.source, pair.target) in dev]
        assert len(again) <= 0.01 * len(gold.rest), gold.name


def test_aligners_learn_from_the_scored_sentences_first(shared_data):
    german = gold_sets(shared_data)[-1]
    bitext = training_bitext(german, shared_data)
    assert len(bitext) == len(german.rest) + 1012
    assert bitext[0] == (german.rest[0].source, german.rest[0].target)
    assert all(left and right and " " not in "".join(left + right) for left, right in bitext)


def test_a_dictionary_keeps_its_order_and_its_translations(shared_data):
    words = muse.read_dictionary(shared_data / "muse", "es")
    assert next(iter(words)) == "the"
    assert {"el", "las", "los"} <= set(words["the"])


def test_a_missing_dictionary_is_named(tmp_path):
    with pytest.raises(CctaError, match="expected a MUSE dictionary at"):
        muse.read_dictionary(tmp_path, "es")
    with pytest.raises(CctaError, match="known for 'sw'"):
        muse.read_dictionary(tmp_path, "sw")


def test_no_gold_set_is_read_out_of_step():
    """Read one word out of step, ja-en had an AER of 0.93; read right, 0.70."""
    info = find("e5-small/nli-en")
    assert all(rates[info.align_layer] < 0.8 for rates in info.card["aer_by_layer"].values())
