import shutil
import subprocess
import sys
import unicodedata
from collections import Counter

import pytest
import regex

from ccta_core.corpus.demo import demo_entities, read_demo, reader
from ccta_core.corpus.demo.forms import FORMS
from ccta_core.corpus.demo.marks import entities, unmarked
from ccta_core.corpus.unrelated import unrelated_sentences
from ccta_core.errors import CctaError
from ccta_core.languages import LANGUAGES
from ccta_core.types import Sentence
from research.demo import check
from research.demo.check import script_share

FOLDER = reader.ROOT / "nli"
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


# The other parts, and the check of all four.


def test_the_four_parts():
    assert reader.demo_names() == ("nli", "paraphrase", "qa", "sentences")
    for name, labels, groups in (
        ("paraphrase", {"paraphrase": 12, "different": 12}, 12),
        ("qa", {None: 24}, 12),
        ("sentences", {None: 100}, 100),
    ):
        items = read_demo(name)
        assert Counter(item.label for item in items) == labels
        assert len({item.group for item in items}) == groups
        assert all(sorted(item.sentences) == LANGS for item in items)


@pytest.mark.parametrize("lang", LANGS)
def test_an_answer_is_the_focus_of_its_question(lang):
    for number, item in enumerate(read_demo("qa"), 2):
        sentence = item.sentences[lang]
        ((start, end),) = sentence.focus
        written = (reader.ROOT / "qa" / f"{lang}.tsv").read_text("utf-8").split("\n")[number - 1]
        assert f"[[{sentence.text2[start:end]}]]" in written
        assert not set("[]") & set(sentence.text2)


def test_entities_stand_in_their_texts():
    found = demo_entities()
    assert sorted(found) == LANGS
    assert all(list(found[lang]) == [item.id for item in read_demo("sentences")] for lang in LANGS)
    for item in read_demo("sentences"):
        for lang, sentence in item.sentences.items():
            for start, end, kind in found[lang][item.id]:
                assert kind in {"PER", "LOC", "ORG"}
                assert sentence.text[start:end].strip() == sentence.text[start:end] != ""
    first = read_demo("sentences")[0]
    names = [first.sentences["en"].text[a:b] for a, b, _ in found["en"][first.id]]
    assert names == ["Marta", "Lisbon"]


def test_the_shipped_corpus_has_no_problem():
    assert check.checked(reader.ROOT).problems == ()


def test_the_check_as_a_command(tmp_path):
    command = [sys.executable, "-m", "research.demo.check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "no problem in 208 items of 14 languages\n"
    done = subprocess.run([*command, tmp_path], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "")
    assert f"{tmp_path}/qa/en.tsv: the file is missing" in done.stdout


@pytest.fixture
def corpus(tmp_path):
    """A copy of the corpus that may be broken."""
    for name in FORMS:
        shutil.copytree(reader.ROOT / name, tmp_path / name)
    return tmp_path


def cell(path, line, column, change):
    """Changes one cell of a file, counted as in messages: lines from 1, columns from 0."""
    rows = [row.split("\t") for row in path.read_text("utf-8").split("\n")]
    rows[line - 1][column] = change(rows[line - 1][column])
    path.write_text("\n".join("\t".join(row) for row in rows), "utf-8")


def english(name, line, column):
    rows = (reader.ROOT / name / "en.tsv").read_text("utf-8").split("\n")
    return rows[line - 1].split("\t")[column]


def doubled(text):
    return f"{text} " * 12 + text


# part/language, line, column, change; what is said of it, and at which line if not that one
BROKEN = {
    "columns": ("nli/de", 1, 3, lambda _: "hypothese", "expected the columns id label premise"),
    "a column too many": ("nli/de", 5, 3, lambda text: text + "\tx", "4 tab-separated columns, fo"),
    "id": ("qa/fr", 7, 0, lambda _: "other-1", "expected .*-. as in en.tsv, found other-1"),
    "label": ("nli/fr", 2, 1, lambda _: "neutral", "expected ferry-e entailment .* ferry-e neu"),
    "unknown label": ("nli/en", 2, 1, lambda _: "yes", "expected one of entailment .* 'yes'"),
    "no group": ("qa/en", 2, 0, lambda _: "market", "an id that says its group"),
    "empty": ("paraphrase/sw", 3, 2, lambda _: "", "is empty"),
    "script": ("sentences/hi", 4, 1, lambda _: "Wir sind wieder da.", "not written in Devanagari"),
    "no mark": ("qa/zh", 3, 2, lambda text: text.replace("[[", ""), r"expected one answer .* 0 \["),
    "two marks": ("qa/zh", 3, 2, lambda text: text + "[[x]]", r"found 2 \[\[ and 2 \]\]"),
    "empty mark": ("qa/de", 3, 2, lambda text: regex.sub(r"\[\[.*\]\]", "[[]]", text), "a marked"),
    "wide mark": ("qa/de", 3, 2, lambda text: text.replace("]]", " ]]"), "move the marks"),
    "cut mark": ("qa/hi", 2, 2, lambda _: "[[क]]िताब", "cuts a character in two"),
    "context": ("qa/es", 3, 2, lambda text: text.replace(".", ";", 1), "expected the context of"),
    "premise": ("nli/es", 3, 2, lambda text: text + "?", "expected the premise of ferry-e"),
    "first": ("paraphrase/es", 3, 2, lambda text: text + "?", "expected the first of"),
    "form of an entity": ("sentences/en", 2, 2, lambda text: text + " ", "TYPE, .* found ''"),
    "type": ("sentences/en", 2, 2, lambda _: "0:5:PERS", "expected start:end:TYPE"),
    "outside": ("sentences/th", 2, 2, lambda _: "0:900:PER", "outside the text; expected"),
    "empty entity": ("sentences/th", 2, 2, lambda _: "3:3:PER", "is empty or outside"),
    "order": ("sentences/de", 2, 2, lambda text: f"{text} 0:1:PER", "in the order of the text"),
    "no entity": ("sentences/de", 2, 2, lambda _: "", r"the entities LOC PER as in .* \(none\)"),
    "space": ("sentences/en", 2, 2, lambda _: "0:6:PER 30:36:LOC", "punctuation: 'Marta '"),
    "full stop": ("sentences/en", 3, 2, lambda _: "21:29:LOC", "punctuation: 'Nairobi.'"),
    "word": ("sentences/es", 3, 2, lambda _: "35:41:LOC", "entity 35:41:LOC cuts a word: 'Nairob'"),
    "outer space": ("nli/vi", 2, 3, lambda text: text + " ", "begins or ends with a space"),
    "two spaces": ("sentences/vi", 6, 1, lambda text: text.replace(" ", "  ", 1), "two spaces"),
    "decomposed": (
        "sentences/vi", 6, 1, lambda text: unicodedata.normalize("NFD", text), "Unicode form NFC"
    ),
    "invisible": ("sentences/ar", 6, 1, lambda text: "\u200f" + text, "an invisible character"),
    "untranslated": (
        "paraphrase/tr", 3, 3, lambda _: english("paraphrase", 3, 3), "text is the English one"
    ),
    "long": ("sentences/ja", 6, 1, doubled, "times as long as the English text"),
    "short": ("sentences/sw", 6, 1, lambda text: text[:4], "times as long as the English text"),
}  # fmt: skip


@pytest.mark.parametrize("kind", BROKEN)
def test_each_kind_of_problem_is_named_with_its_line(corpus, kind):
    name, line, column, change, said = BROKEN[kind]
    cell(corpus / f"{name}.tsv", line, column, change)
    problems = check.checked(corpus).problems
    found = [text for text in problems if f"/{name}.tsv:{line}: " in text]
    assert any(regex.search(said, text) for text in found), problems


READABLE = {
    "script", "context", "premise", "first", "no entity", "space", "full stop", "word",
    "outer space", "two spaces", "decomposed", "invisible", "untranslated", "long", "short",
}  # fmt: skip


@pytest.mark.parametrize("kind", sorted(set(BROKEN) - READABLE))
def test_the_reader_refuses_what_it_can_not_read(corpus, kind):
    name, line, column, change, said = BROKEN[kind]
    cell(corpus / f"{name}.tsv", line, column, change)
    part = name.partition("/")[0]
    with pytest.raises(CctaError, match=rf"/{name}\.tsv:{line}: .*{said}"):
        reader.read_folder(corpus / part, part)


def test_one_broken_cell_is_one_problem(corpus):
    cell(corpus / "qa" / "fr.tsv", 7, 0, lambda _: "other-1")
    cell(corpus / "sentences" / "th.tsv", 2, 2, lambda _: "0:900:PER")
    assert len(check.checked(corpus).problems) == 2


def test_a_text_that_stands_twice(corpus):
    path = corpus / "sentences" / "en.tsv"
    cell(path, 4, 1, lambda _: english("sentences", 6, 1))
    cell(path, 4, 2, lambda _: "")
    problems = check.checked(corpus).problems
    assert any(f"en.tsv:6: the same text as in {path}:4" in text for text in problems)
    cell(corpus / "paraphrase" / "en.tsv", 2, 3, lambda _: english("paraphrase", 2, 2))
    problems = check.checked(corpus).problems
    assert any("paraphrase/en.tsv:2: both texts are the same" in text for text in problems)


def test_a_missing_line_and_a_missing_file(corpus):
    rows = (corpus / "qa" / "ur.tsv").read_text("utf-8").split("\n")
    (corpus / "qa" / "ur.tsv").write_text("\n".join([*rows[:-2], ""]), "utf-8")
    (corpus / "paraphrase" / "sw.tsv").unlink()
    problems = check.checked(corpus).problems
    assert len(problems) == 2
    assert "paraphrase/sw.tsv: the file is missing" in problems[1]
    assert "qa/ur.tsv:25: the file has 23 items, en.tsv has 24" in problems[0]
    with pytest.raises(CctaError, match=r"ur\.tsv:25: the file has 23 items"):
        reader.read_folder(corpus / "qa", "qa")
    (corpus / "qa" / "en.tsv").unlink()
    with pytest.raises(CctaError, match=r"expected en\.tsv in"):
        reader.read_folder(corpus / "qa", "qa")


def test_counts_and_labels_that_are_not_balanced(corpus):
    for lang in LANGS:
        cell(corpus / "nli" / f"{lang}.tsv", 2, 1, lambda _: "neutral")
        path = corpus / "sentences" / f"{lang}.tsv"
        path.write_text("\n".join(path.read_text("utf-8").split("\n")[:-2]) + "\n", "utf-8")
    problems = check.checked(corpus).problems
    assert [text.partition("en.tsv: ")[2] for text in problems] == [
        "expected 20 items labelled entailment, found 19",
        "expected 20 items labelled neutral, found 21",
        "expected 100 items, found 99",
    ]


def test_an_id_that_stands_twice(corpus):
    for lang in LANGS:
        cell(corpus / "qa" / f"{lang}.tsv", 3, 0, lambda _: english("qa", 2, 0))
    (problem,) = check.checked(corpus).problems
    assert regex.search(r"qa/en\.tsv:3: the id as in .*/qa/en\.tsv:2$", problem)


def test_a_file_in_another_script_or_an_unknown_language(corpus):
    shutil.copy(corpus / "nli" / "ru.tsv", corpus / "nli" / "th.tsv")
    problems = check.checked(corpus).problems
    assert any(
        "nli/th.tsv: expected 80% of the letters in Thai, found 0%" in text for text in problems
    )
    shutil.copy(corpus / "nli" / "ru.tsv", corpus / "nli" / "it.tsv")
    problems = check.checked(corpus).problems
    assert any("nli/it.tsv: the script of it is not known" in text for text in problems)
    assert sum("/it.tsv: the file is missing" in text for text in problems) == 3


def test_line_ends_and_encodings(corpus):
    path = corpus / "nli" / "tr.tsv"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert len(reader.read_folder(corpus / "nli")) == 60
    (problem,) = check.checked(corpus).problems
    assert "nli/tr.tsv: expected lines that end in LF and no byte order mark" in problem
    path.write_bytes("id\tlabel\tpremise\thypothesis\nferry-e\tentailment\tÖ\t".encode("latin-1"))
    assert any("tr.tsv:2: expected UTF-8" in text for text in check.checked(corpus).problems)


def test_another_part_that_is_broken_leaves_this_one(corpus, monkeypatch):
    (corpus / "qa" / "th.tsv").write_text("")
    monkeypatch.setattr(reader, "ROOT", corpus)
    reader._read_part.cache_clear()
    try:
        assert [item.id for item in read_demo("nli")] == [item.id for item in ITEMS]
        with pytest.raises(CctaError, match=r"th\.tsv is empty"):
            read_demo("qa")
    finally:
        reader._read_part.cache_clear()


def test_marks_and_entities_are_read_in_code_points():
    assert unmarked("东京有[[一千万]]人。") == ("东京有一千万人。", (3, 6))
    assert entities("0:2:PER 5:10:LOC", "हि x मुंबई") == ((0, 2, "PER"), (5, 10, "LOC"))
    assert entities("", "x") == ()
    with pytest.raises(CctaError, match=r"cuts a character in two; expected 0:2:LOC"):
        entities("0:1:LOC", "कि")


def test_the_share_of_a_script():
    assert script_share("コーヒーを飲む。", "ja") == 1
    assert script_share("WHO は", "ja") == 0.25
    assert script_share("123", "th") == 1


# Unrelated targets from each part.


@pytest.mark.parametrize("task", ["nli", "paraphrase", "qa"])
def test_unrelated_targets_are_of_other_groups(task):
    label = read_demo(task)[0].label or "answer"
    items = {item.sentences["ar"]: item for item in read_demo(task)}
    target = next(iter(items))
    found = unrelated_sentences(task, target, label, count=5, seed=3)
    groups = {items[sentence].group for sentence in found}
    assert len(found) == len(groups) == 5
    assert items[target].group not in groups
    assert {items[sentence].label for sentence in found} == {items[target].label}
    assert found == unrelated_sentences(task, target, "", count=5, seed=3)
    assert all(bool(sentence.focus) == (task == "qa") for sentence in found)


def test_unrelated_targets_of_a_text_of_ones_own():
    context = read_demo("qa")[0].sentences["de"].text2
    own = Sentence("Und was kostet der Honig?", "de", context)
    found = unrelated_sentences("qa", own, "answer", count=11, seed=0)
    assert len(found) == 11
    assert context not in {sentence.text2 for sentence in found}
    assert unrelated_sentences("qa", own, "answer", count=12, seed=0) == ()
    pair = read_demo("paraphrase")[0].sentences["de"]
    turned = Sentence(pair.text2, "de", pair.text)
    found = unrelated_sentences("paraphrase", turned, "different", count=5, seed=0)
    known = {item.sentences["de"]: item for item in read_demo("paraphrase")}
    assert {known[sentence].label for sentence in found} == {"different"}
    assert pair.text not in {sentence.text for sentence in found}
    assert unrelated_sentences("ner", Sentence("Ja.", "de"), "PER", count=5, seed=0) == ()


@pytest.mark.parametrize("task", ["paraphrase", "qa"])
def test_a_comparison_has_its_chance_level_in_every_task(task):
    from heads import tiny

    import ccta_core as ccta

    sides = read_demo(task)[0].sentences
    config = ccta.Config(
        quadrature=ccta.Quadrature(rule="gauss", points=4), shuffles=0, unrelated=2
    )
    result = ccta.compare(tiny(task), sides["en"], sides["es"], config)
    assert -1 <= result.controls.ems_unrelated <= 1
    assert result.source.focus == sides["en"].focus
