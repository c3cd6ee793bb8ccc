import unicodedata
from collections import Counter
from pathlib import Path

import pytest
import regex

import ccta_core.corpus.demo as demo
from ccta_core.corpus.demo import read_demo, reader
from ccta_core.errors import CctaError
from ccta_core.languages import LANGUAGES

FOLDER = Path(demo.__file__).parent / "nli"
LANGS = ["ar", "de", "en", "es", "fr", "hi", "ja", "ru", "sw", "th", "tr", "ur", "vi", "zh"]
SCRIPTS = {
    "ar": "Arabic", "ur": "Arabic", "hi": "Devanagari", "ru": "Cyrillic", "th": "Thai", "zh": "Han",
}  # fmt: skip
ITEMS = read_demo("nli")


def every_text(lang):
    return [text for item in ITEMS for text in item.sentences[lang].segments]


def test_counts():
    assert len(ITEMS) == len({item.id for item in ITEMS}) == 60
    assert Counter(item.label for item in ITEMS) == dict.fromkeys(
        ("entailment", "neutral", "contradiction"), 20
    )
    assert len({item.group for item in ITEMS}) == 20
    assert sorted(path.stem for path in FOLDER.glob("*.tsv")) == LANGS
    assert all(set(item.sentences) == set(LANGS) for item in ITEMS)


@pytest.mark.parametrize("lang", LANGS)
def test_the_texts_of_a_language(lang):
    raw = (FOLDER / f"{lang}.tsv").read_bytes()
    assert not raw.startswith(b"\xef\xbb\xbf")
    assert b"\r" not in raw
    texts = every_text(lang)
    for text in texts:
        assert text == text.strip()
        assert unicodedata.is_normalized("NFC", text), text
        assert not regex.search(r"[\p{Cc}\p{Cf}\p{Co}]", text.replace("\u200c", "")), text
        if LANGUAGES[lang].spaced:
            assert 3 <= len(text.split()) <= 30, text
    hypotheses = [item.sentences[lang].text2 for item in ITEMS]
    assert len(set(hypotheses)) == len(hypotheses)
    letters = regex.findall(r"\p{L}", "".join(texts))
    script = SCRIPTS.get(lang)
    if script:
        share = sum(bool(regex.match(rf"\p{{{script}}}", letter)) for letter in letters) / len(
            letters
        )
        assert share > 0.99
    if lang == "ja":
        assert any(regex.match(r"\p{Hiragana}", letter) for letter in letters)
    if lang != "en":
        assert not set(texts) & set(every_text("en"))


@pytest.mark.parametrize("lang", LANGS)
def test_items_of_a_group_share_their_premise(lang):
    premises = {(item.group, item.sentences[lang].text) for item in ITEMS}
    assert len(premises) == 20


def test_a_file_that_has_slipped_is_named_with_its_line(tmp_path):
    for lang in ("en", "es"):
        (tmp_path / f"{lang}.tsv").write_text(
            "id\tlabel\tpremise\thypothesis\n"
            + ("a-e" if lang == "en" else "b-e")
            + "\tentailment\tOne.\tTwo.\n"
        )
    with pytest.raises(CctaError, match=r"es\.tsv:2"):
        reader.read_folder(tmp_path)


def test_an_unknown_corpus_is_refused():
    with pytest.raises(CctaError, match="expected one of: nli"):
        read_demo("nothing")
