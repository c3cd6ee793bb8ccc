"""A text and what is canonically equivalent to it are one text, whoever's model reads them.

"é" is one character or two, a Korean syllable one or three: what a person sees is the same, so the
tokens, the units, the masses and the answers must be.
"""

import json
import unicodedata

import numpy as np
import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import marked_texts, texts

import ccta_core as ccta
from ccta_core.corpus.answers import answer_spans
from ccta_core.corpus.demo import read_demo
from ccta_core.corpus.formats.flores import FLORES_CODES, read_flores
from ccta_core.corpus.items import Item
from ccta_core.corpus.unrelated import unrelated_sentences
from ccta_core.evaluation.answers import answer_scores
from ccta_core.evaluation.predict import answers, classes, tags
from ccta_core.models import embedded
from ccta_core.models.catalog import find
from ccta_core.models.load import load_model
from ccta_core.models.quantized_weights import read_file
from ccta_core.models.tokenizer import compose_first, is_read_composed
from ccta_core.models.windows import windows
from ccta_core.pipeline.sentences import forward, select_targets
from ccta_core.store.files import read_entry
from ccta_core.store.pairs import SHIPPED, pair_key
from ccta_core.training.recipe import recipe_for
from ccta_core.training.rows import encode as training_rows
from ccta_core.types import Sentence, has_ignorable
from tests.families import FAMILIES, build, tokenizer_of
from tests.heads import tiny

FORMS = ("NFC", "NFD")
KOREAN = ("폭풍 때문에 배가 늦었다.", "배가 제시간에 출발했다.")
PAIRS = {
    "ko": KOREAN,
    "vi": ("Chuyến phà bị hủy vì bão.", "Phà đã rời bến đúng giờ."),
    "ta": ("புயலால் படகு வரவில்லை போலும்.", "கொடி கோபுரத்தில் உள்ளது."),
    "ja": ("フェリーが欠航になりました。", "ペンギンがバスで来た。"),
    "bn": ("ঝড়ের কারণে নৌকা আসেনি।", "ছেলেটি জোরে পড়ছে।"),
    "el": ("Το πλοίο ακυρώθηκε λόγω καταιγίδας.", "Η βάρκα έφυγε στην ώρα της."),
    "ar": ("أُلغيت العبّارة بسبب العاصفة.", "غادر القارب في موعده."),
    "fr": ("Le ferry a été annulé à cause de la tempête.", "Le bateau est arrivé à l'heure."),
}
"""Two sentences a language, written for this test."""
FEWER = {"layer": 8, "shuffles": 3, "unrelated": 0}


def form(name, text):
    return unicodedata.normalize(name, text)


def pair(lang, name):
    return Sentence(form(name, PAIRS[lang][0]), lang, form(name, PAIRS[lang][1]))


@pytest.fixture(scope="module")
def tokenizer():
    return embedded.load_tokenizer(embedded.locate())


def alike(one, other):
    """The same tokens, and units of the same graphemes: each encoding holds the text as typed."""
    assert one.ids.tolist() == other.ids.tolist()
    for left, right, text in zip(one.maps, other.maps, one.sentence.segments, strict=True):
        assert left.members == right.members
        for unit, twin in zip(left.units, right.units, strict=True):
            assert form("NFC", unit.text) == form("NFC", twin.text)
            assert unit.text == text[unit.start : unit.end]


# --- the embedded model ---------------------------------------------------------------------


@pytest.mark.parametrize("lang", PAIRS)
def test_both_forms_have_the_same_tokens_and_units(model, lang):
    composed, decomposed = (model.encode(pair(lang, name)) for name in FORMS)
    assert composed.sentence.segments != decomposed.sentence.segments
    alike(composed, decomposed)
    alike(decomposed, composed)
    for units in decomposed.maps:
        segment = decomposed.sentence.segments[units.units[0].segment]
        ends = {0, *(found.end() for found in regex.finditer(r"\X", segment))}
        assert all({unit.start, unit.end} <= ends for unit in units.units)
    assert not composed.composed
    assert not decomposed.composed  # SentencePiece composes what it reads: nothing to be said


def test_a_korean_sentence_keeps_its_prediction(model):
    """Read in letters it was entailed (.82); in syllables it is contradicted (.70)."""
    found = [forward(model, [pair("ko", name)], [0])[0].readings[0].logits[0] for name in FORMS]
    assert found[0].tolist() == found[1].tolist()
    shares = dict(zip(model.labels, found[1].softmax(0).tolist(), strict=True))
    assert shares["contradiction"] == pytest.approx(0.703, abs=0.02)


@pytest.mark.parametrize(
    ("lang", "typed"),
    [
        # letters with a nukta as one character: NFC takes them apart (composition exclusions)
        ("hi", "ल\u095cका \u095bोर से प\u095d रहा है।"),
        ("en", "30 \u212bngstr\u00f6m, 5 \u2126, 300 \u212a"),  # signs that are letters
        ("zh", "\uf900\uf901了。"),  # compatibility ideographs
        ("he", "\ufb2aלום \ufb31\ufb35"),  # presentation forms
        ("ar", "\u0627\u0644\u0639\u0628\u0651\u064e\u0627\u0631\u0629"),  # marks out of order
        ("th", "ผู\u0e48\u0e38 ดี"),
        ("vi", "Vi\u00ea\u0323t quy\u1ebft đ\u0069\u0323nh"),  # half composed
    ],
)
def test_other_ways_of_typing_a_text_are_one(model, lang, typed):
    composed, as_typed = (model.encode(Sentence(t, lang)) for t in (form("NFC", typed), typed))
    assert composed.sentence != as_typed.sentence
    alike(composed, as_typed)
    alike(as_typed, composed)
    alike(model.encode(Sentence(form("NFD", typed), lang)), composed)


@pytest.mark.parametrize("lang", ["ko", "vi"])
def test_ems_masses_and_controls_are_those_of_the_composed_text(model, lang):
    english = read_demo("nli")[0].sentences["en"]
    one, other = (
        ccta.compare(model, english, pair(lang, name), ccta.Config(**FEWER)) for name in FORMS
    )
    assert one.ems == other.ems
    assert one.controls == other.controls
    assert np.array_equal(one.plan.matrix, other.plan.matrix)
    assert np.array_equal(one.target.scores, other.target.scores)
    assert one.target.subwords == other.target.subwords
    assert not any("composed" in notice for notice in other.notices)
    assert [unit.text for unit in other.target.units] == form(
        "NFD", " ".join(PAIRS[lang])
    ).split()  # the text as typed is what is shown


@settings(max_examples=300, deadline=None)
@given(st.one_of(marked_texts, texts), st.sampled_from(["NFD", "NFC"]))
def test_any_text_has_the_tokens_of_its_composed_form(tokenizer, text, name):
    read = tokenizer.backend_tokenizer.encode
    composed = form("NFC", text)
    assert read(form(name, text)).ids == read(text).ids == read(composed).ids


def lines_of(shared_data, lang):
    return read_flores(shared_data / "flores200", lang)


@pytest.mark.parametrize("lang", FLORES_CODES)
def test_flores_is_read_alike_in_both_forms(tokenizer, shared_data, lang):
    """All 1,012 lines of each language, as typed, composed and decomposed: 0 differences."""
    lines = lines_of(shared_data, lang)
    assert len(lines) == 1012
    read = tokenizer.backend_tokenizer.encode_batch
    typed = [found.ids for found in read(lines)]
    for name in FORMS:
        assert typed == [found.ids for found in read([form(name, line) for line in lines])]


@pytest.mark.parametrize("lang", FLORES_CODES)
def test_units_of_flores_are_alike_in_both_forms(model, shared_data, lang):
    for line in lines_of(shared_data, lang)[::20]:
        composed, decomposed = (model.encode(Sentence(form(n, line), lang)) for n in FORMS)
        alike(composed, decomposed)


@pytest.mark.parametrize("lang", FLORES_CODES)
def test_masses_of_flores_are_alike_in_both_forms(model, shared_data, lang):
    """The shortest line of the language that has two forms; bg, id, zh and others have none."""
    lines = [line for line in lines_of(shared_data, lang) if form("NFD", line) != form("NFC", line)]
    if not lines:
        pytest.skip(f"every line of {lang} has one form")
    sides = [Sentence(form(name, min(lines, key=len)), lang) for name in FORMS]
    one, other = ccta.attribute(model, sides, ccta.Config(layer=8, target_class="neutral"))
    assert np.array_equal(one.scores, other.scores)
    assert one.prediction == other.prediction


def test_compatible_forms_of_flores_are_alike_where_sentencepiece_takes_them_so(
    tokenizer, shared_data
):
    """NFKC and NFKD: 18 lines of Japanese differ, whose wide tilde SentencePiece keeps as it is."""
    normalise = tokenizer.backend_tokenizer.normalizer.normalize_str
    other = {}
    for lang in FLORES_CODES:
        for line in lines_of(shared_data, lang):
            for name in ("NFKC", "NFKD"):
                if normalise(line) != normalise(form(name, line)):
                    other.setdefault(lang, set()).add(line)
    assert {lang: len(lines) for lang, lines in other.items()} == {"ja": 18}
    assert "\uff5e" not in read_file(embedded.locate()).vocabulary.normalisation
    for line in other["ja"]:
        kept = "\uff5e".join(form("NFKC", part) for part in line.split("\uff5e"))
        assert normalise(line) == normalise(kept)


# --- models that people bring ---------------------------------------------------------------

BROUGHT = ("bert", "roberta", "xlm-r", "modernbert", "deberta-v3", "albert", "xlm")
ACCENTED = ("Le bébé a été opéré à Málaga.", "Ça va, Zoë?")


@pytest.fixture(scope="module")
def brought(tmp_path_factory):
    folder, loaded = tmp_path_factory.mktemp("brought"), {}

    def get(family, head="classification"):
        if (family, head) not in loaded:
            place = build(folder / f"{family}-{head}", family, head)
            loaded[family, head] = load_model(str(place))
        return loaded[family, head]

    return get


@pytest.mark.parametrize("family", FAMILIES)
def test_a_model_of_ones_own_reads_both_forms_alike(brought, family):
    model = brought(family)
    composed, decomposed = (
        model.encode(Sentence(form(n, ACCENTED[0]), "fr", form(n, ACCENTED[1]))) for n in FORMS
    )
    alike(composed, decomposed)
    assert composed.composed is False


@pytest.mark.parametrize("family", BROUGHT)
def test_what_a_tokenizer_reads_of_composed_text_is_as_it_was(brought, family):
    """Composing first changes nothing for NFC: neither tokens nor offsets."""
    plain = tokenizer_of(FAMILIES[family][1])
    for text in (*ACCENTED, "  two  spaces ", "渡轮取消了。", "Паром отменили из-за шторма."):
        read, before = brought(family).tokenizer(text), plain(text)
        assert read["input_ids"] == before["input_ids"]
        assert read.encodings[0].offsets == before.encodings[0].offsets


KINDS = ("wordpiece", "bytes", "bytes-modern", "xlm-r", "albert", "deberta", "xlm")


@pytest.fixture(scope="module")
def composing():
    """A tokenizer of each kind that composes first; those of `tokenizer_of` are other tests'."""
    made = {kind: tokenizer_of.__wrapped__(kind) for kind in KINDS}
    for tokenizer in made.values():
        compose_first(tokenizer)
    return made


@settings(max_examples=100, deadline=None)
@given(marked_texts, st.sampled_from(KINDS))
def test_any_text_has_the_tokens_of_its_composed_form_in_every_kind(composing, text, kind):
    tokenizer, before = composing[kind], tokenizer_of(kind)
    ids = tokenizer(form("NFC", text))["input_ids"]
    assert tokenizer(text)["input_ids"] == tokenizer(form("NFD", text))["input_ids"] == ids
    assert before(form("NFC", text))["input_ids"] == ids
    # what is said is what happened
    changed = before(text)["input_ids"] != ids
    assert is_read_composed(tokenizer, text) == changed


def test_composing_twice_is_composing_once(composing):
    tokenizer = composing["bytes"]
    steps = str(tokenizer.backend_tokenizer.normalizer)
    compose_first(tokenizer)
    assert str(tokenizer.backend_tokenizer.normalizer) == steps
    assert is_read_composed(tokenizer, "e\u0301")


@pytest.mark.parametrize(
    ("family", "said"),
    [
        ("roberta", True),
        ("xlm-r", True),
        ("xlm", True),
        ("albert", False),
        ("deberta-v3", False),
    ],
)
def test_a_result_says_that_a_text_was_composed_if_that_changed_anything(brought, family, said):
    """ALBERT's tokenizer takes accents off, DeBERTa's composes: there is nothing to say."""
    model = brought(family)
    sides = [Sentence(form(name, ACCENTED[0]), "fr", "Ahmed") for name in FORMS]
    settings = ccta.Config(layer=1, shuffles=2, unrelated=0, space="none")
    result = ccta.compare(model, *sides, settings)
    notices = [notice for notice in result.notices if "composed" in notice]
    assert [notice[:35] for notice in notices] == [
        "The target text is not in Unicode's "[:35]
    ] * said
    assert np.array_equal(result.source.scores, result.target.scores)
    assert result.ems == pytest.approx(1.0)
    again = ccta.compare(model, sides[0], sides[0], settings)
    assert not [notice for notice in again.notices if "composed" in notice]


# --- answers, names, data ---------------------------------------------------------------------

CONTEXT = "Cây cầu cũ do Nguyễn Thị Hằng xây dựng ở Đà Nẵng năm 1844, còn chợ thì do người khác."
ANSWER = "Nguyễn Thị Hằng"
QUESTION = "Ai xây dựng cây cầu?"


def asked(name, *, focus=True):
    """The question in one form, with its answer's place in the context as typed in it."""
    context, answer = form(name, CONTEXT), form(name, ANSWER)
    start = context.index(answer)
    spans = ((start, start + len(answer)),) if focus else ()
    return Sentence(form(name, QUESTION), "vi", context, spans)


@pytest.mark.parametrize("focus", [True, False])
@pytest.mark.parametrize("family", ["embedded", "roberta", "xlm-r"])
def test_answers_are_found_at_their_place_in_the_text_as_typed(brought, family, focus):
    model = tiny("qa") if family == "embedded" else brought(family, "qa")
    sides = [asked(name, focus=focus) for name in FORMS]
    inputs = select_targets(model, forward(model, sides, [0]), "auto", [0])
    one, other = (found.explained for found in inputs)
    assert one.target == other.target
    assert one.window == other.window
    assert list(one.prediction.values()) == list(other.prediction.values())
    assert [form("NFC", text) for text in other.prediction] == list(one.prediction)
    (start, end), (low, high) = other.focus[0], one.focus[0]
    typed = sides[1].text2
    assert form("NFC", typed[start:end]) == sides[0].text2[low:high]
    assert {start, end} <= {0, *(found.end() for found in regex.finditer(r"\X", typed))}
    if focus:
        assert typed[start:end] == form("NFD", ANSWER)


def test_windows_of_a_long_context_are_alike():
    model = tiny("qa")
    long = [
        Sentence(s.text, "vi", f"{s.text2} " * 60) for s in (asked(n, focus=False) for n in FORMS)
    ]
    composed, decomposed = (windows(model, sentence) for sentence in long)
    assert len(composed) == len(decomposed) > 1
    for one, other in zip(composed, decomposed, strict=True):
        assert one.encoded.ids.tolist() == other.encoded.ids.tolist()
        assert [span is None for span in one.spans] == [span is None for span in other.spans]
        assert other.encoded.maps[-1].units[-1].text == form(
            "NFD", one.encoded.maps[-1].units[-1].text
        )


@pytest.mark.parametrize("family", ["embedded", "roberta"])
def test_names_are_tagged_in_the_text_as_typed(brought, family):
    model = tiny("ner") if family == "embedded" else brought(family, "ner")
    texts = [form(name, "Chị Hằng gặp Bảo ở Huế.") for name in FORMS]
    spans = [
        (text.index(form(name, "Huế")), len(text) - 1)
        for name, text in zip(FORMS, texts, strict=True)
    ]
    sides = [Sentence(t, "vi", focus=(span,)) for t, span in zip(texts, spans, strict=True)]
    one, other = select_targets(model, forward(model, sides, [0]), "PER", [0])
    assert one.explained.target == other.explained.target
    assert list(one.explained.prediction.values()) == list(other.explained.prediction.values())
    assert [form("NFC", text) for text in other.explained.prediction] == list(
        one.explained.prediction
    )
    assert texts[1][slice(*other.explained.focus[0])] == form("NFD", "Huế")


def items_in(name):
    """A question, tagged words and a pair, with offsets into the text as typed."""
    sentence, words = asked(name), [form(name, word) for word in ("Chị", "Hằng", "ở", "Huế")]
    spans, start = [], 0
    for word in words:
        spans.append((start, start + len(word)))
        start += len(word) + 1
    return {
        "qa": Item("q", "q", "vi", sentence.text, sentence.text2, answers=sentence.focus),
        "ner": Item(
            id="n",
            group="n",
            lang="vi",
            text=" ".join(words),
            words=tuple(spans),
            tags=("O", "B-PER", "O", "B-LOC"),
        ),
        "nli": Item("p", "p", "ko", *(form(name, text) for text in KOREAN), "contradiction"),
    }


@pytest.mark.parametrize(
    ("task", "labels"),
    [
        ("qa", ("start", "end")),
        ("ner", ("O", "B-LOC", "B-PER")),
        ("nli", ("entailment", "neutral", "contradiction")),
    ],
)
def test_training_reads_both_forms_alike(tokenizer, task, labels):
    rows = [
        training_rows(tokenizer, [items_in(name)[task]], labels, recipe_for(task)) for name in FORMS
    ]
    assert rows[0].ids == rows[1].ids
    assert rows[0].targets == rows[1].targets
    assert rows[0].lost == rows[1].lost == 0


def test_training_does_not_lose_an_answer_that_ends_in_what_was_composed(tokenizer):
    context = form("NFD", "Cầu ở Huế")
    item = Item("q", "q", "vi", "Ở đâu?", context, answers=((context.index("H"), len(context)),))
    rows = training_rows(tokenizer, [item], ("start", "end"), recipe_for("qa"))
    assert rows.lost == 0


def test_scoring_reads_both_forms_alike(model):
    found = [items_in(name) for name in FORMS]
    assert classes(model, [found[0]["nli"]]) == classes(model, [found[1]["nli"]])
    ner, qa = tiny("ner"), tiny("qa")
    assert tags(ner, [found[0]["ner"]]) == tags(ner, [found[1]["ner"]])
    (one,), (other,) = (answers(qa, [items["qa"]]) for items in found)
    assert form("NFC", other) == one
    assert other in found[1]["qa"].text2


@pytest.mark.parametrize(
    ("lang", "text"),
    [
        ("vi", ANSWER),
        ("vi", "của những cầu"),
        ("ko", "배가 늦었다"),
        ("ja", "ガラスのペン"),
        ("th", "น้ำ"),
        ("de", "die Brücke"),
    ],
)
def test_answers_are_compared_as_what_they_are(lang, text):
    assert answer_scores(form("NFD", text), [form("NFC", text)], lang) == (1.0, 1.0)
    assert answer_scores(form("NFC", text), [form("NFD", text)], lang) == (1.0, 1.0)


@pytest.mark.parametrize("context", FORMS)
@pytest.mark.parametrize("answer", FORMS)
@pytest.mark.parametrize("offset", [None, 14, 3])
def test_gold_answers_are_found_whatever_form_they_are_typed_in(context, answer, offset):
    typed = form(context, CONTEXT)
    found = answer_spans(typed, [(form(answer, ANSWER), offset)])
    ((start, end),) = found.spans
    assert typed[start:end] == form(context, ANSWER)
    assert found.refused is None
    said = "an answer was found in another Unicode form"
    assert (said in found.repaired) == (context != answer)


def test_chance_is_drawn_for_the_sentence_not_for_how_it_was_typed():
    """A demo sentence typed decomposed is still of its own group, and as long as it is."""
    for item in read_demo("nli")[:12]:
        composed = item.sentences["vi"]
        typed = Sentence(form("NFD", composed.text), "vi", form("NFD", composed.text2))
        assert typed != composed
        one, other = (
            unrelated_sentences("nli", side, "neutral", count=4, seed=0)
            for side in (composed, typed)
        )
        assert one == other
        assert one


def test_the_store_keeps_both_and_finds_neither_under_the_other():
    """Two texts, two addresses: each result shows the text as it was typed."""
    info, english = find("e5-small/nli-en"), Sentence("a", "en", "b")
    keys = [pair_key(info, english, pair("ko", name), ccta.Config()) for name in FORMS]
    assert len(set(keys)) == 2


def test_what_was_stored_before_texts_were_composed_is_not_found_again():
    """Their address has changed; that of a composed text without invisible characters has not."""
    plain, odd = Sentence("é", "fr", "b"), Sentence("e\u0301", "fr", "a\u200bb")
    assert plain.identity == ["fr", "é", "b"]
    assert odd.identity[:3] == ["fr", "e\u0301", "a\u200bb"]
    assert len(odd.identity) == 4


def test_what_ships_is_composed_and_shows_all_it_holds():
    """So that composing and units without invisible characters change no figure that ships."""
    for part in ("nli", "paraphrase", "qa", "sentences"):
        for item in read_demo(part):
            for sentence in item.sentences.values():
                for text in sentence.segments:
                    assert unicodedata.is_normalized("NFC", text)
                    assert not has_ignorable(text)
    keys = [path.name.partition(".")[0] for path in SHIPPED.rglob("*.json.gz")]
    assert keys
    for key in keys:
        payload = json.dumps(read_entry(SHIPPED, key), ensure_ascii=False)
        assert payload != "null"
        assert unicodedata.is_normalized("NFC", payload)
        assert not has_ignorable(payload)
