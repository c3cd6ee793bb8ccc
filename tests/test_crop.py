"""Contexts cut around their answers: what is kept, how much of it, what is left out and said."""

import pytest

from ccta_core.cli import main
from ccta_core.corpus.spec import read_corpus
from ccta_core.errors import CctaError
from ccta_core.models.embedded import load_tokenizer, locate
from ccta_core.reports.study.facts import provenance
from ccta_core.study.request import LEAST_CROP, StudyRequest
from ccta_core.study.run import local
from ccta_core.study.selection import crop_contexts, span_around
from ccta_core.study.storage.table import open_study
from ccta_core.study.storage.texts import examples_of

LANGS = ("en", "zh", "th", "ar")
MODEL = "e5-small/qa-en"


@pytest.fixture(scope="module")
def tokenizer():
    return load_tokenizer(locate())


@pytest.fixture(scope="module")
def corpus():
    return read_corpus("demo:qa", LANGS)


def size(tokenizer, text):
    return len(tokenizer(text, add_special_tokens=False)["input_ids"])


@pytest.mark.parametrize("most", [16, 24, 40])
def test_the_answer_stays_in_as_many_whole_words_as_fit(corpus, tokenizer, most):
    cut = crop_contexts(corpus, most)
    whole = {example.id: example for example in corpus.examples}
    shorter = 0
    for example in cut.examples:
        for lang, sentence in example.sentences.items():
            before = whole[example.id].sentences[lang]
            assert sentence.text == before.text
            assert sentence.text2 in before.text2
            (start, end), (old_start, old_end) = sentence.focus[0], before.focus[0]
            assert sentence.text2[start:end] == before.text2[old_start:old_end]
            assert size(tokenizer, sentence.text2) <= most + 1  # a text's first piece may be new
            shorter += sentence.text2 != before.text2
    assert shorter
    assert len(cut.examples) + len(cut.left_out) - len(corpus.left_out) == len(corpus.examples)


def test_by_hand(tokenizer):
    text = "one two three four five six seven"
    sizes = {word: size(tokenizer, word) for word in text.split()}
    assert set(sizes.values()) == {1}
    answer = (text.index("four"), text.index("four") + 4)

    def kept(tokens, span=answer):
        found = span_around(text, span, tokens, "en", tokenizer)
        return found and text[slice(*found)]

    assert kept(1) == "four"
    assert kept(2) == "four five"
    assert kept(3) == "three four five"
    assert kept(4) == "three four five six"
    assert kept(100) == text
    assert kept(3, (text.index("six"), len(text))) == "five six seven"
    assert kept(1, (0, 7)) is None


def test_a_context_that_is_short_enough_stays_as_it_is(corpus):
    cut = crop_contexts(corpus, 500)
    for before, after in zip(corpus.examples, cut.examples, strict=True):
        for lang, sentence in after.sentences.items():
            assert sentence.text2.strip(" .。!") in before.sentences[lang].text2
            assert abs(len(sentence.text2) - len(before.sentences[lang].text2)) <= 1


@pytest.mark.parametrize(
    ("spec", "tokens", "line"),
    [
        ("demo:nli", 128, "only contexts of questions are cropped"),
        ("demo:qa", LEAST_CROP - 1, f"expected {LEAST_CROP} or more"),
    ],
)
def test_bad_input_is_one_line(spec, tokens, line):
    with pytest.raises(CctaError, match=line):
        crop_contexts(read_corpus(spec, ("en", "es")), tokens)


def test_a_study_says_how_its_contexts_were_cut(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("CCTA_CACHE", str(tmp_path))
    words = ["--data", "demo:qa", "--model", MODEL, "--langs", "en,es", "--limit", "2"]
    words += ["--layers", "11", "--shuffles", "2", "--unrelated", "0"]
    assert main(["study", "run", "--name", "cut", *words, "--crop", "24", "--workers", "1"]) == 0
    study = open_study("cut")
    assert study.manifest.crop == 24
    assert "contexts cut to 24 tokens around their answers" in study.manifest.part_of_data
    assert provenance(study)["crop"] == 24
    assert study.table()["source_subwords"].max() < 60
    kept = examples_of(study)
    (study.folder / "items.arrow").unlink()
    again = examples_of(study)
    assert again == kept
    capsys.readouterr()
    assert main(["study", "run", "--name", "cut", *words, "--crop", "32"]) != 0
    assert "crop: 24 here, 32 asked for" in capsys.readouterr().err
    with pytest.raises(CctaError, match="only contexts"):
        local.draft(StudyRequest(name="a", data="demo:nli", models=["e5-small/nli-en"], crop=64))
