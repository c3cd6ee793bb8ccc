"""Tags of words and the entities they spell."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ccta_core.errors import CctaError
from ccta_core.tasks import task_of
from ccta_core.tasks.protocol import ModelOutput
from ccta_core.tasks.tags import Word, entities, entity_type, words_of
from ccta_core.types import Sentence, Unit
from tests.heads import TAGS, tiny


def tagged(*tags, labels=TAGS):
    return [
        Word(Unit(f"w{at}", 3 * at, 3 * at + 2), at, labels.index(tag), 0.5)
        for at, tag in enumerate(tags)
    ]


def spelled(*tags, labels=TAGS):
    return [
        (entity.type, tuple(word.token for word in entity.words))
        for entity in entities(tagged(*tags, labels=labels), labels)
    ]


@pytest.mark.parametrize(
    ("tag", "kind"),
    [
        ("O", None),
        ("o", None),
        ("B-LOC", "LOC"),
        ("I-date-time", "date-time"),
        ("E-ORG", "ORG"),
        ("LOC", "LOC"),
        ("X-LOC", "X-LOC"),
        ("B-", "B-"),
    ],
)
def test_the_type_of_a_tag(tag, kind):
    assert entity_type(tag) == kind


def test_entities_are_runs_of_one_type():
    assert spelled("O", "B-PER", "I-PER", "O", "B-LOC") == [("PER", (1, 2)), ("LOC", (4,))]
    assert spelled("B-PER", "B-PER", "I-PER") == [("PER", (0,)), ("PER", (1, 2))]
    assert spelled("B-PER", "I-LOC", "I-LOC") == [("PER", (0,)), ("LOC", (1, 2))]
    assert spelled("I-LOC", "I-LOC", "O", "I-LOC") == [("LOC", (0, 1)), ("LOC", (3,))]
    assert spelled("O", "O") == []
    assert spelled("LOC", "LOC", "O", labels=("O", "LOC")) == [("LOC", (0, 1))]


def test_an_entity_is_as_probable_as_all_its_words():
    assert entities(tagged("B-PER", "I-PER", "I-PER"), TAGS)[0].probability == 0.125


@given(st.lists(st.sampled_from(TAGS), max_size=12))
def test_entities_are_those_of_the_conll_rule(tags):
    """A word begins an entity if it is B-, or I- of a type its neighbour before it has not."""
    expected = []
    for at, tag in enumerate(tags):
        if tag == "O":
            continue
        before = tags[at - 1] if at else "O"
        if tag[0] == "B" or before == "O" or before[2:] != tag[2:]:
            expected.append((tag[2:], (at,)))
        else:
            kind, words = expected[-1]
            expected[-1] = (kind, (*words, at))
    assert spelled(*tags) == expected


@pytest.fixture(scope="module")
def model():
    return tiny("ner")


def looked(model, text, wanted, lang="en", focus=()):
    """A text of which the words in `wanted` have their tag (by 9 against 0) and others are O."""
    sentence = Sentence(text, lang, focus=focus)
    (window,) = task_of("ner").windows(model, sentence)
    values = torch.zeros(window.encoded.length, len(TAGS))
    values[:, 0] = 5.0
    units = window.encoded.maps[0]
    for unit, members in zip(units.units, units.members, strict=True):
        for token in members:
            span = window.spans[token]
            word = text[slice(*span)] if span else ""
            for start, tag in wanted.items():
                if word and start.startswith(word) and start in unit.text:
                    values[token, TAGS.index(tag)] = 9.0
    return ModelOutput(sentence, (window,), (values,))


def test_the_first_piece_of_a_word_is_not_the_bracket_before_it(model):
    one = looked(model, "He saw (Paris) twice.", {"Paris": "B-LOC"})
    words = words_of(one)
    assert [TAGS[word.tag] for word in words] == ["O", "O", "B-LOC", "O"]
    assert task_of("ner").explain(model, one, "LOC").prediction.keys() == {"Paris: LOC"}


def test_a_word_of_punctuation_alone_has_a_piece_too(model):
    assert [word.unit.text for word in words_of(looked(model, "Oh - !", {}))] == ["Oh", "-", "!"]


def test_the_words_of_the_type_are_explained_and_the_rest_is_not(model):
    one = looked(model, "Ada met Bob in Rome", {"Ada": "B-PER", "Bob": "B-PER", "Rome": "B-LOC"})
    task = task_of("ner")
    explained = task.explain(model, one, "PER")
    text = one.sentence.text
    assert [text[start:end] for start, end in explained.focus] == ["Ada", "Bob"]
    assert {column for _, column in explained.target.places} == {TAGS.index("B-PER")}
    assert len(explained.target.places) == 2
    assert set(explained.prediction) == {"Ada: PER", "Bob: PER", "Rome: LOC"}


def test_a_type_takes_at_each_word_the_tag_that_scores_best(model):
    one = looked(model, "Ada Byron spoke", {"Ada": "B-PER", "Byron": "I-PER"})
    explained = task_of("ner").explain(model, one, "PER")
    assert [TAGS[column] for _, column in explained.target.places] == ["B-PER", "I-PER"]
    assert list(explained.prediction) == ["Ada Byron: PER"]
    exact = task_of("ner").explain(model, one, "I-PER")
    assert [TAGS[column] for _, column in exact.target.places] == ["I-PER"]
    assert one.sentence.text[slice(*exact.focus[0])] == "Byron"


def test_where_no_word_has_the_type_the_likeliest_word_is_explained(model):
    one = looked(model, "Ada spoke softly", {})
    one.logits[0][words_of(one)[2].token, TAGS.index("I-LOC")] = 1.0
    explained = task_of("ner").explain(model, one, "LOC")
    assert one.sentence.text[slice(*explained.focus[0])] == "softly"
    assert [TAGS[column] for _, column in explained.target.places] == ["I-LOC"]
    assert list(explained.prediction) == ["O"]


def test_the_label_is_the_surest_entitys_type(model):
    one = looked(model, "Ada met Bob in Rome", {"Ada": "B-PER", "Rome": "B-LOC"})
    one.logits[0][words_of(one)[4].token, TAGS.index("B-LOC")] = 12.0
    task = task_of("ner")
    assert task.label(model, one, "auto") == "LOC"
    assert task.label(model, one, "per") == "PER"
    assert task.label(model, one, "b-loc") == "B-LOC"
    assert task.label(model, looked(model, "Nothing here", {}), "auto") in ("PER", "LOC")


def test_the_words_in_focus_are_explained_whatever_their_tag(model):
    text = "Ada met Bob in Rome"
    one = looked(model, text, {"Ada": "B-PER", "Rome": "B-LOC"}, focus=((8, 11),))
    task = task_of("ner")
    explained = task.explain(model, one, "PER")
    assert explained.focus == ((8, 11),)
    assert explained.target.places[0][0] == words_of(one)[2].token
    one = looked(model, text, {"Ada": "B-PER", "Rome": "B-LOC"}, focus=((15, 19),))
    assert task.label(model, one, "auto") == "LOC"


def test_a_focus_beyond_the_cut_is_refused():
    text = "word " * 100 + "Rome"
    model = tiny("ner", positions=32)
    one = looked(model, text, {}, focus=((500, 504),))
    with pytest.raises(CctaError, match="shorter text"):
        task_of("ner").explain(model, one, "LOC")
