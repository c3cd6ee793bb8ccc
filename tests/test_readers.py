"""The readers of the native files: on small files written here, and on the public sets."""

import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccta_core.corpus.answers import answer_spans
from ccta_core.corpus.clean_text import clean_text
from ccta_core.corpus.items import Item, linked_groups
from ccta_core.corpus.source import PlacedItem
from ccta_core.corpus.spec import read_corpus, read_items, scan
from ccta_core.errors import CctaError

NLI = [
    "A dog sleeps.\tAn animal sleeps.\tentailment",
    "A dog sleeps.\tA dog runs.\tcontradictory",
    "A dog sleeps.\tIt is night.\tneutral",
    "It rains.\tIt is wet.\tentailment",
]
NLI_ES = [
    "Un perro duerme.\tUn animal duerme.\tentailment",
    "Un perro duerme.\tUn perro corre.\tcontradiction",
    "El perro duerme.\tEs de noche.\tneutral",
    "Llu\x08eve.\tEstá mojado.\tentailment",
]


def write(path, *lines, end="\n", encoding="utf-8"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes((end.join(lines) + end).encode(encoding))


def squad(path, *paragraphs, title="Town"):
    """Each paragraph is (context, [(id, question, [(answer, offset)])])."""
    rows = [
        {
            "context": context,
            "qas": [
                {
                    "id": id_,
                    "question": question,
                    "answers": [{"text": text, "answer_start": at} for text, at in answers],
                }
                for id_, question, answers in questions
            ],
        }
        for context, questions in paragraphs
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"data": [{"title": title, "paragraphs": rows}]}), "utf-8")


@pytest.fixture
def xnli(tmp_path):
    write(tmp_path / "dev-en.tsv", *NLI, end="\r\n")
    write(tmp_path / "dev-es.tsv", *NLI_ES)
    return tmp_path


def test_xnli_groups_by_english_premise_and_mends_control_characters(xnli):
    corpus = read_corpus(f"xnli:{xnli}#dev")
    assert corpus.languages == ("en", "es")
    assert [item.id for item in corpus.examples] == ["dev-1", "dev-2", "dev-3", "dev-4"]
    assert [item.group for item in corpus.examples] == ["dev-1", "dev-1", "dev-1", "dev-4"]
    assert corpus.examples[1].label == "contradiction"
    assert corpus.examples[3].sentences["es"].text == "Llueve."
    assert [row.place for row in corpus.repaired] == ["dev-es.tsv:4"]
    assert corpus.left_out == ()


def test_the_hash_depends_on_the_ids_only(xnli):
    both, one = read_corpus(f"xnli:{xnli}"), read_corpus(f"xnli:{xnli}", ["es"])
    assert both.sha256 == one.sha256 != read_corpus(f"xnli:{xnli}", limit=2).sha256


def test_xnli_test_labels_stand_in_their_own_file(xnli):
    write(xnli / "test-en.tsv", "It rains.\tIt is wet.", "It rains.\tIt is dry.")
    write(xnli / "test.labels.txt", "entailment", "-")
    found = read_items(f"xnli:{xnli}#test")
    assert [item.label for item in found.items] == ["entailment"]
    assert [(row.place, row.reason) for row in found.left_out] == [
        ("test-en.tsv:2", "it has no gold label")
    ]


@pytest.mark.parametrize(
    ("name", "lines", "says"),
    [
        ("dev-es.tsv", NLI_ES[:3], "has 3 rows and dev-en.tsv has 4"),
        ("dev-es.tsv", [*NLI_ES[:3], "Llueve.\tEstá mojado."], "dev-es.tsv:4: expected 3"),
        ("dev-es.tsv", [*NLI_ES[:3], "a\tb\tmaybe"], "dev-es.tsv:4: unknown label 'maybe'"),
    ],
)
def test_a_file_out_of_step_is_refused(xnli, name, lines, says):
    write(xnli / name, *lines)
    with pytest.raises(CctaError, match=says):
        read_items(f"xnli:{xnli}")


def test_labels_that_differ_leave_an_item_out(xnli):
    write(xnli / "dev-es.tsv", *NLI_ES[:3], "Llueve.\tEstá mojado.\tneutral")
    corpus = read_corpus(f"xnli:{xnli}")
    assert len(corpus.examples) == 3
    assert corpus.left_out[0].reason == "labels differ: en entailment, es neutral"


def test_mixed_encodings_and_empty_files_name_the_line(xnli):
    (xnli / "dev-es.tsv").write_bytes("\n".join(NLI_ES).encode() + "\nmañana".encode("latin-1"))
    with pytest.raises(CctaError, match=r"dev-es.tsv:5: expected UTF-8, found the byte 0xF1"):
        read_items(f"xnli:{xnli}")
    (xnli / "dev-es.tsv").write_bytes(b"")
    with pytest.raises(CctaError, match="is empty"):
        read_items(f"xnli:{xnli}")


@pytest.mark.parametrize("limit", [0, -1])
def test_a_limit_reads_something(xnli, limit):
    with pytest.raises(CctaError, match="expected 1 or more"):
        read_items(f"xnli:{xnli}", limit=limit)


def test_a_limit_counts_each_language(xnli):
    found = read_items(f"xnli:{xnli}", limit=2)
    assert [(item.lang, item.id) for item in found.items] == [
        ("en", "dev-1"), ("en", "dev-2"), ("es", "dev-1"), ("es", "dev-2"),
    ]  # fmt: skip


def test_pawsx_reads_quotes_marks_and_clusters(tmp_path):
    write(tmp_path / "dev-en.tsv", "a b\tb a\t0", "c d\td c\t1", "b a\ta  b\t1")
    write(tmp_path / "dev-fr.tsv", '"l\'""a"" b"\tb a\t0', "NS\td c\t0", "b a\ta b\t1")
    corpus = read_corpus(f"pawsx:{tmp_path}")
    assert [item.id for item in corpus.examples] == ["dev-1", "dev-3"]
    assert {item.group for item in corpus.examples} == {"dev-1"}
    assert corpus.examples[0].sentences["fr"].text == 'l\'"a" b'
    assert [item.label for item in corpus.examples] == ["different", "paraphrase"]
    assert "was not translated" in corpus.left_out[0].reason
    write(tmp_path / "test-en.tsv", "a\tb")
    write(tmp_path / "test.ids_labels.tsv", "12\t1")
    assert read_items(f"pawsx:{tmp_path}#test").items[0].id == "test-12"
    write(tmp_path / "test.ids_labels.tsv", "12\t2")
    with pytest.raises(CctaError, match="unknown label '2'"):
        read_items(f"pawsx:{tmp_path}#test")


def test_mrpc_has_a_byte_order_mark_and_plain_quotes(tmp_path):
    header = "Quality\t#1 ID\t#2 ID\t#1 String\t#2 String"
    lines = ['1\t7\t8\t"Yes, he said.\tHe said "yes".', "0\t8\t9\tNo.\tYes."]
    write(tmp_path / "msr_paraphrase_train.txt", header, *lines, encoding="utf-8-sig")
    items = read_items(f"mrpc:{tmp_path}").items
    assert items[0].text == '"Yes, he said.'
    assert {item.group for item in items} == {"train-1"}
    write(tmp_path / "msr_paraphrase_train.txt", "a\tb", *lines)
    with pytest.raises(CctaError, match="expected the columns Quality"):
        read_items(f"mrpc:{tmp_path}")


def test_clusters_follow_shared_texts():
    pairs = [("a", "b"), ("c", "d"), ("b", "e"), ("f", "c")]
    assert linked_groups(pairs, ["1", "2", "3", "4"]) == ["1", "2", "1", "2"]


@pytest.mark.parametrize(
    ("answers", "spans", "repaired"),
    [
        ([("Rome", 8)], ((8, 12),), 0),
        ([("Rome", 8), ("Rome", 8), ("in Rome", 5)], ((8, 12), (5, 12)), 0),
        ([("Rome", 30)], ((22, 26),), 1),
        ([("Rome", None)], ((8, 12),), 0),
        ([("e", 32)], ((32, 34),), 1),
        ([("Rome", 8), ("Oslo", 3)], ((8, 12),), 1),
    ],
)
def test_answers_are_checked_found_and_widened(answers, spans, repaired):
    context = "It's in Rome, said of Rome. Caf e\u0301."
    found = answer_spans(context, answers)
    assert (found.spans, len(found.repaired), found.refused) == (spans, repaired, None)


@given(st.text("ab é\x07\x9d\n", min_size=1, max_size=20), st.data())
def test_spans_move_with_the_characters_that_are_taken_out(text, data):
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    item = Item("i", "i", "en", "Who?", text, answers=((start, end),))
    (found,) = clean_text(iter([PlacedItem("here", item)]))
    ((left, right),) = found.item.answers
    clean = str.maketrans("", "", "\x07\x9d")
    assert found.item.text2 == text.translate(clean)
    assert found.item.text2[left:right] == text[start:end].translate(clean)
    assert len(found.repaired) == len(text) - len(found.item.text2)


@pytest.mark.parametrize("answers", [[], [("Oslo", 0)], [("", 0)], [(" ", 2)]])
def test_an_item_without_an_answer_is_refused(answers):
    assert answer_spans("It is in Rome.", answers).refused


def test_xquad_splits_by_article_and_squad_leaves_its_paragraphs_out(tmp_path):
    folder = tmp_path / "xquad"
    for lang, word in (("en", "Rome"), ("es", "Roma")):
        articles = [
            {
                "title": f"T{number}",
                "paragraphs": [
                    {
                        "context": f"{word} {number}\x07 stands.",
                        "qas": [
                            {
                                "id": f"q{number}",
                                "question": "Where?",
                                "answers": [{"text": "stands", "answer_start": 8}],
                            }
                        ],
                    }
                ],
            }
            for number in range(6)
        ]
        folder.mkdir(exist_ok=True)
        (folder / f"xquad.{lang}.json").write_text(json.dumps({"data": articles}), "utf-8")
    train, heldout = (read_corpus(f"xquad:{folder}#{part}") for part in ("train", "heldout"))
    assert [item.id for item in heldout.examples] == ["q0", "q5"]
    assert [item.id for item in train.examples] == ["q1", "q2", "q3", "q4"]
    sentence = train.examples[0].sentences["es"]
    assert (sentence.text2, sentence.focus) == ("Roma 1 stands.", ((7, 13),))

    paragraphs = [
        ("Rome 1\x07 stands.", [("q1", "Where?", [("stands", 8)])]),
        ("Oslo stands.", [("n1", "What?", [("Oslo", 0)]), ("n2", "Who?", [("Bergen", 0)])]),
    ]
    squad(tmp_path / "squad" / "dev-v1.1.json", *paragraphs)
    found = read_items(f"squad:{tmp_path / 'squad'}")
    assert [item.id for item in found.items] == ["n1"]
    assert found.left_out[0].place == "dev-v1.1.json:n2"
    assert len(read_items(f"squad:{tmp_path / 'squad'}#all").items) == 2
    (folder / "xquad.en.json").unlink()
    with pytest.raises(CctaError, match="expected XQuAD's English paragraphs"):
        read_items(f"squad:{tmp_path / 'squad'}")


def test_mlqa_asks_across_languages(tmp_path):
    for context, question in (("en", "en"), ("es", "es"), ("es", "en"), ("en", "es")):
        text, answer = {"en": ("Rome stands.", "Rome"), "es": ("Roma está.", "Roma")}[context]
        asked = {"en": "What?", "es": "¿Qué?"}[question]
        path = tmp_path / "MLQA_V1" / "dev" / f"dev-context-{context}-question-{question}.json"
        squad(path, (text, [("q", asked, [(answer, 0)])]), title=f"{context} title")
    own = read_corpus(f"mlqa:{tmp_path}", ["en", "es"]).examples[0]
    assert own.group == "en title/0"
    asked = read_corpus(f"mlqa:{tmp_path}#question-en").examples[0].sentences
    assert {lang: text.text for lang, text in asked.items()} == {"en": "What?", "es": "What?"}
    told = read_corpus(f"mlqa:{tmp_path}#context-es").examples[0].sentences
    assert {lang: text.text for lang, text in told.items()} == {"en": "What?", "es": "¿Qué?"}
    assert {text.text2 for text in told.values()} == {"Roma está."}
    with pytest.raises(CctaError, match="has no split 'question-xx'"):
        read_items(f"mlqa:{tmp_path}#question-xx")


@pytest.mark.parametrize("text", ["{", "[1]", "{}", '{"data": {}}', '{"data": null}', "null"])
def test_what_is_not_squad_is_refused(tmp_path, text):
    write(tmp_path / "xquad.en.json", text)
    with pytest.raises(CctaError, match="expected SQuAD's JSON"):
        read_items(f"xquad:{tmp_path}")


def test_panx_joins_words_and_repairs_tags(tmp_path):
    write(tmp_path / "dev-en.tsv", "New\tI-LOC", "York\tI-LOC", "is\tO", "", "", "Bo\tB-PER")
    write(tmp_path / "dev-zh.tsv", "北\tB-LOC", "京\tI-LOC", "王\tI-PER", "", "x", "", "好\tO", "")
    found = scan(f"panx:{tmp_path}")
    york, bo, beijing, good = found.reading.items
    assert (york.text, york.words, york.tags) == (
        "New York is", ((0, 3), (4, 8), (9, 11)), ("B-LOC", "I-LOC", "O"),
    )  # fmt: skip
    assert (beijing.text, beijing.tags) == ("北京王", ("B-LOC", "I-LOC", "B-PER"))
    assert [row.place for row in found.repaired] == ["dev-en.tsv:1", "dev-zh.tsv:1"]
    assert (bo.id, good.id, found.reading.left_out[0].place) == (
        "dev-en-2", "dev-zh-3", "dev-zh.tsv:5",
    )  # fmt: skip
    with pytest.raises(CctaError, match="not translations of each other"):
        read_corpus(f"panx:{tmp_path}")
    write(tmp_path / "dev-en.tsv", "New\tLOC")
    with pytest.raises(CctaError, match=r"dev-en.tsv:1: unknown tag 'LOC'"):
        read_items(f"panx:{tmp_path}", ["en"])


def test_tatoeba_pairs_each_language_with_english_of_its_own(tmp_path):
    for code, own, english in (("spa", "Hola.", "Hello."), ("cmn", "你好。", "Hi.")):
        write(tmp_path / f"tatoeba.{code}-eng.{code}", own)
        write(tmp_path / f"tatoeba.{code}-eng.eng", english)
    corpus = read_corpus(f"tatoeba:{tmp_path}", ["zh", "en"])
    assert {lang: text.text for lang, text in corpus.examples[0].sentences.items()} == {
        "zh": "你好。", "en": "Hi.",
    }  # fmt: skip
    assert {item.lang for item in read_items(f"tatoeba:{tmp_path}").items} == {"es", "zh"}
    for langs in (["es", "zh"], ["en"], ["en", "es", "zh"]):
        with pytest.raises(CctaError):
            read_corpus(f"tatoeba:{tmp_path}", langs)
    write(tmp_path / "tatoeba.spa-eng.eng", "Hello.", "Bye.")
    with pytest.raises(CctaError, match="expected line-parallel files"):
        read_items(f"tatoeba:{tmp_path}", ["es"])


def test_flores_and_pud_group_by_document(tmp_path):
    for code, lines in (("eng_Latn", ["One.", "Two."]), ("spa_Latn", ["Uno.", "Dos."])):
        write(tmp_path / "devtest" / f"{code}.devtest", *lines)
    write(tmp_path / "metadata_devtest.tsv", "URL\tdomain", "http://a\tx", "http://a\tx")
    assert {item.group for item in read_corpus(f"flores:{tmp_path}").examples} == {"devtest-1"}
    blocks = ["# sent_id = n01001011", "# text = Yes.", "1\tYes", "", "# sent_id = n01001012"]
    write(tmp_path / "en_pud-ud-test.conllu", *blocks, "1\tNo", "", "# sent_id = w1", "# text = Go")
    found = read_items(f"pud:{tmp_path}")
    assert [(item.id, item.group) for item in found.items] == [
        ("n01001011", "n01001"),
        ("w1", "w1"),
    ]
    assert found.left_out[0].place == "en_pud-ud-test.conllu:5"


def nli_folders(root):
    write(root / "mnli_subset/mnli_train.parsed.tsv", "It rains\tIt is wet\tentailment")
    write(root / "mnli_subset/mnli_validation.parsed.tsv", "It snows\tIt is hot\tcontradiction")
    header = ["prem\thyp\tlabel\tmore", '"""Go,"" he said"\tHe spoke\tentailment\t1']
    write(root / "nli_en/taxinli/taxinli10k.tsv", *header, "It rains.\tIt is wet.\tneutral\t1")
    for part in ("train", "dev", "test"):
        header = "sentence1\tsentence2\tgold_label"
        write(root / f"nli_en/cad/all_combined/{part}.tsv", header, f"A {part}\tB\tneutral")
    header = "pair_ID\tsentence_A\tsentence_B\trelatedness_score\tentailment_judgment"
    for part in ("train", "trial", "test_annotated"):
        write(root / f"nli_en/sick/SICK_{part}.txt", header, f"1\tS {part}\tT\t3.1\tNEUTRAL")
    write(
        root / "nli_en/med/MED.tsv", "i\tsentence1\tsentence2\tgold_label", "1\tAll go\tGo\tneutral"
    )
    for wiki in ("base_wiki", "sim_wiki", "translate_wiki"):
        for part in ("train", "test"):
            row = {"id": f"{wiki}_{part}1", "premise": wiki, "hypothesis": "H", "label": "c"}
            write(root / f"nli_en/nyu_semiauto/{wiki}/{part}.jsonl", json.dumps(row))


def test_the_english_sets_come_together_once_and_without_xnli(tmp_path):
    nli_folders(tmp_path)
    write(tmp_path / "xnli/dev-en.tsv", "It snows.\tIt is cold.\tentailment")
    found = read_items(f"nli_en:{tmp_path}")
    assert Counter(item.id.partition("-")[0] for item in found.items) == {
        "mnli": 1, "taxinli": 1, "cad": 1, "sick": 3, "med": 1, "nyu": 3,
    }  # fmt: skip
    assert found.items[1].text == '"Go," he said'
    assert [row.reason for row in found.left_out] == [
        "its premise is one of XNLI's", "the same pair stands in it already",
    ]  # fmt: skip
    own = read_items(f"sick:{tmp_path / 'nli_en/sick'}#trial").items
    assert own[0] in found.items
    (tmp_path / "nli_en/med/MED.tsv").unlink()
    with pytest.raises(CctaError, match=r"expected med as MED.tsv"):
        read_items(f"nli_en:{tmp_path}")


def test_a_json_row_that_is_none_is_refused(tmp_path):
    nli_folders(tmp_path)
    write(tmp_path / "nli_en/nyu_semiauto/base_wiki/train.jsonl", '{"id": 1}')
    with pytest.raises(CctaError, match=r"train.jsonl:1: expected a JSON object with id"):
        read_items(f"nyu:{tmp_path / 'nli_en/nyu_semiauto'}")


def test_the_bundled_corpus_reads_by_name():
    corpus = read_corpus("demo:nli", ["en", "es"])
    assert (len(corpus.examples), corpus.task, corpus.licence) == (60, "nli", "CC BY 4.0")
    with pytest.raises(CctaError, match="has no xx here"):
        read_corpus("demo:nli", ["en", "xx"])


ANSWERS = [{"text": "Rome", "answer_start": 0}]


def article(title="T", context="Rome stands.", **changes):
    row = {"id": "bad", "question": "What?", "answers": ANSWERS, **changes}
    return {"title": title, "paragraphs": [{"context": context, "qas": [row]}]}


@pytest.mark.parametrize(
    ("bad", "place", "reason"),
    [
        (article(question=None), "bad", "its question is no text, found null"),
        (article(question=5), "bad", "its question is no text, found 5"),
        (article(question=" "), "bad", "the English sentence's text is empty"),
        (article(context=None), "bad", "its context is no text, found null"),
        (article(context=["a"]), "bad", "its context is no text, found a list"),
        (article(title=None), "bad", "its title is no text, found null"),
        (article(answers=None), "bad", "its answers are no list, found null"),
        (article(answers="Rome"), "bad", "its answers are no list, found 'Rome'"),
        (article(answers=[]), "bad", "it has no gold answer"),
        (article(answers=[None]), "bad", "an answer's text is no text, found null"),
        (article(answers=[{"text": None, "answer_start": 0}]), "bad", "an answer's text is no"),
        (article(answers=[{"text": "Rome"}]), "bad", "an answer begins at null, no place"),
        (
            article(answers=[{"text": "Rome", "answer_start": None}]),
            "bad", "an answer begins at null, no place in its context",
        ),
        (article(answers=[{"text": "Rome", "answer_start": -1}]), "bad", "an answer begins at -1"),
        (article(answers=[{"text": "Rome", "answer_start": 12}]), "bad", "an answer begins at 12"),
        (article(answers=[{"text": "Rome", "answer_start": 1.5}]), "bad", "an answer begins at"),
        (article(answers=[{"text": "Rome", "answer_start": "x"}]), "bad", "an answer begins at"),
        (article(answers=[{"text": "Oslo", "answer_start": 0}]), "bad", "the answer 'Oslo' does"),
        (article(id=None), "article 1, paragraph 1, question 1", "it has no id"),
        (article(id=[]), "article 1, paragraph 1, question 1", "it is no question with an id"),
        ({"title": "T"}, "article 1", "it has no list of paragraphs"),
        (None, "article 1", "it has no list of paragraphs"),
        ({"title": "T", "paragraphs": None}, "article 1", "it has no list of paragraphs"),
        ({"paragraphs": [None]}, "article 1, paragraph 1", "it has no list of questions"),
        ({"paragraphs": [{"context": "A"}]}, "article 1, paragraph 1", "it has no list of"),
        (
            {"paragraphs": [{"context": "A", "qas": [3]}]},
            "article 1, paragraph 1, question 1", "it is no question",
        ),
    ],
)  # fmt: skip
def test_a_question_that_is_none_is_left_out_and_the_rest_is_read(tmp_path, bad, place, reason):
    good = article(title="U", id="good")
    for name, spec in (("xquad.en.json", "xquad"), ("dev-v1.1.json", "squad")):
        (tmp_path / spec).mkdir()
        (tmp_path / spec / name).write_text(json.dumps({"data": [bad, good]}), "utf-8")
        found = read_items(f"{spec}:{tmp_path / spec}#all")
        assert [item.id for item in found.items] == ["good"]
        (left_out,) = found.left_out
        assert left_out.place == f"{name}:{place}"
        assert left_out.reason.startswith(reason)
    (tmp_path / "mlqa").mkdir()
    path = tmp_path / "mlqa" / "dev-context-en-question-en.json"
    path.write_text(json.dumps({"data": [bad, good]}), "utf-8")
    assert [item.id for item in read_items(f"mlqa:{tmp_path / 'mlqa'}").items] == ["good"]


def test_one_answer_of_several_is_left_out_alone(tmp_path):
    answers = [{"text": None, "answer_start": 0}, *ANSWERS, {"text": "Rome", "answer_start": "0"}]
    (tmp_path / "xquad.en.json").write_text(
        json.dumps({"data": [article(id=0, answers=answers)]}), "utf-8"
    )
    found = scan(f"xquad:{tmp_path}")
    assert [(item.id, item.answers) for item in found.reading.items] == [("0", ((0, 4),))]
    assert [row.reason for row in found.repaired] == [
        "an answer's text is no text, found null: left out"
    ]


def test_articles_without_a_title_share_no_group(tmp_path):
    parts = [
        {"paragraphs": article(id=str(at))["paragraphs"]} for at in range(2)
    ]  # the title is absent, not null
    (tmp_path / "xquad.en.json").write_text(json.dumps({"data": parts}), "utf-8")
    assert len({item.group for item in read_items(f"xquad:{tmp_path}").items}) == 2


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_panx_takes_the_language_off_where_the_whole_file_has_it(tmp_path, end):
    write(tmp_path / "dev-en.tsv", "en:Ada\tB-PER", "en:a:b\tO", "", "en:Bo\tB-PER", end=end)
    write(tmp_path / "dev-de.tsv", "de:Ada\tB-PER", "", "Bo\tB-PER", end=end)
    write(tmp_path / "dev-es.tsv", "es:\tB-PER", "", "es:Bo\tB-PER", end=end)
    found = read_items(f"panx:{tmp_path}")
    assert [(item.lang, item.text) for item in found.items] == [
        ("de", "de:Ada"), ("de", "Bo"), ("en", "Ada a:b"), ("en", "Bo"), ("es", "Bo"),
    ]  # fmt: skip
    assert [(row.place, row.reason) for row in found.left_out] == [
        ("dev-es.tsv:1", "expected token TAB tag")
    ]


def test_tab_separated_sets_read_quotes_as_they_stand(tmp_path):
    """No quote of XNLI, MRPC or PAWS-X reaches beyond its field."""
    write(tmp_path / "x/dev-en.tsv", '"It rains.\tIt is "wet".\tneutral', 'No.\t"Yes"\tneutral')
    texts = [(item.text, item.text2) for item in read_items(f"xnli:{tmp_path / 'x'}").items]
    assert texts == [('"It rains.', 'It is "wet".'), ("No.", '"Yes"')]
    write(tmp_path / "p/dev-en.tsv", '"a\tb\t0', 'c"\td\t1', '"e ""f"""\tg\t1')
    texts = [item.text for item in read_items(f"pawsx:{tmp_path / 'p'}").items]
    assert texts == ['"a', 'c"', 'e "f"']


def test_a_null_label_is_none(tmp_path):
    nli_folders(tmp_path)
    row = {"id": "a", "premise": "P", "hypothesis": "H", "label": None}
    write(tmp_path / "nli_en/nyu_semiauto/base_wiki/train.jsonl", json.dumps(row))
    found = read_items(f"nyu:{tmp_path / 'nli_en/nyu_semiauto'}")
    assert [left.reason for left in found.left_out] == ["it has no gold label"]
    write(tmp_path / "nli_en/nyu_semiauto/base_wiki/train.jsonl", json.dumps({**row, "label": 1}))
    with pytest.raises(CctaError, match=r"train.jsonl:1: expected a JSON object with id"):
        read_items(f"nyu:{tmp_path / 'nli_en/nyu_semiauto'}")
