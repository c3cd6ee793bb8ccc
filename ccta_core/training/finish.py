"""From trained weights to a model that loads: its language means, its scores, its card."""

import hashlib
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow.parquet import read_schema, read_table, write_table

from ccta_core.corpus.items import Item
from ccta_core.evaluation.means import write_means
from ccta_core.evaluation.score import ItemScores, item_scores, summarise
from ccta_core.models.catalog import BACKBONE, adjusted, catalog, read_info
from ccta_core.models.load import backbone_of, load_model
from ccta_core.models.model import Model
from ccta_core.space.maps import MEANS_FILE
from ccta_core.training.card import UNMEASURED, WEIGHTS, revision, sha256_of, write_card
from ccta_core.training.loop import Report, to_stderr

ALIGN_LAYER = 7
"""Where words are matched, the same for every adapter: the layer with the lowest alignment error
of `nli-en` (docs/model.md), so that two training languages differ by their training alone."""
ITEMS = "items.parquet"
"""In a trained model's folder: what it made of each item it was scored on."""
METRIC = {"nli": "accuracy", "paraphrase": "accuracy", "qa": "f1", "ner": "f1"}
_LAST_REACHES = ("qa", "ner")
"""Tasks whose head reads every token of the last layer: it can be attributed too."""


def make_loadable(
    folder: Path, facts: Mapping[str, Any], texts: Mapping[str, Sequence[str]], **entries: Any
) -> Model:
    """Gives a trained adapter its language means (over `texts`) and a card without scores.

    `entries` are those of the card beside what the training facts tell: data, licence, weaknesses.
    Returns the loaded model.
    """
    task = facts["recipe"]["task"]
    langs = facts["languages"]
    parts = backbone_of(facts)
    layers = parts.config.num_hidden_layers
    card: dict[str, Any] = {
        "task": task,
        "training_language": langs[0] if len(langs) == 1 else None,
        "training_languages": langs,
        "labels": facts["labels"],
        "layers": list(range(layers + (task in _LAST_REACHES))),
        "align_layer": min(ALIGN_LAYER, parts.align_layer),
        "backbone": describe_backbone(facts.get("base", {}).get("id", BACKBONE)),
        **({"base": facts["base"]} if "base" in facts else {}),
        "metric": METRIC[task],
        "training": dict(facts),
        "scores": {},
        **entries,
        "revision": UNMEASURED,
    }
    (folder / ITEMS).unlink(missing_ok=True)  # of other weights, or of other items
    write_card(folder, card)
    write_means(load_model(str(folder)), texts, folder)
    card["sha256"] = {name: sha256_of(folder / name) for name in (*WEIGHTS, MEANS_FILE)}
    card["revision"] = revision(card)
    write_card(folder, card)
    return load_model(str(folder))


def describe_backbone(model_id: str) -> str:
    """Returns a backbone's id and where it comes from, in one line."""
    info = adjusted(model_id) or catalog().get(model_id)
    source = info.card.get("source", "the embedded model") if info else "a transformers model"
    return f"{model_id}: {source}"


def score_card(
    folder: Path,
    model: Model,
    items: Mapping[str, Sequence[Item]],
    *,
    bfloat16: bool = False,
    report: Report = to_stderr,
) -> dict[str, Any]:
    """Adds the scores of each language's items to the card, one by one: a killed run goes on.

    What the model made of each item is kept beside it (ITEMS), for paired tests. Returns the card.
    Languages that the card already scores on these items are left.
    """
    info = read_info(folder)
    if info is None:
        raise AssertionError("a card was written before it was scored")
    card: dict[str, Any] = dict(info.card)
    card["evaluated_in"] = "bfloat16 autocast" if bfloat16 else "float32"
    for lang, of_language in items.items():
        same = card["scores"].get(lang, {}).get("n") == len(of_language)
        if same and keeps_items(folder, lang, of_language) is not False:
            continue
        scores = item_scores(model, of_language, bfloat16=bfloat16)
        write_items(folder, lang, scores, of_language)
        summary = summarise(scores)
        counts = Counter(item.label for item in of_language if item.label is not None)
        if counts:  # what the commonest label would reach
            summary["majority"] = round(max(counts.values()) / len(of_language), 4)
        card["scores"] = card["scores"] | {lang: summary}
        write_card(folder, card)
        report(f"{folder.name} {lang}: {card['metric']} {summary[card['metric']]:.3f}")
    return card


def write_items(folder: Path, lang: str, scores: ItemScores, items: Sequence[Item] = ()) -> None:
    """Keeps what a model made of each item of a language in its folder's ITEMS, a row an item.

    Rows of other languages stay. A checksum of the `items` is kept beside them (`keeps_items`).
    """
    columns = {"lang": [lang] * len(scores.ids), "id": scores.ids, "group": scores.groups}
    table = pa.table({**columns, **{name: pa.array(v) for name, v in scores.columns.items()}})
    path = folder / ITEMS
    facts: dict[bytes, bytes] = {}
    if path.exists():
        kept = read_table(path)
        facts = kept.schema.metadata or {}
        kept = kept.filter(pc.not_equal(kept["lang"], lang))
        table = pa.concat_tables([kept, table.cast(kept.schema)])
    known = {_key(lang): _checksum(items)} if items else {}
    others = {key: value for key, value in facts.items() if key != _key(lang)}
    table = table.replace_schema_metadata({**others, **known})
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    write_table(table, temporary, compression="zstd")
    temporary.replace(path)


def scored_languages(folder: Path) -> set[str]:
    """Returns the languages of which the model's folder keeps what it made of each item."""
    path = folder / ITEMS
    return set(read_table(path, columns=["lang"])["lang"].to_pylist()) if path.exists() else set()


def keeps_items(folder: Path, lang: str, items: Sequence[Item]) -> bool | None:
    """Returns whether the model's folder keeps what it made of these very items: their ids, texts
    and labels. None where it keeps nothing of the language.

    What was written before checksums were kept is told by ids alone.
    """
    if lang not in scored_languages(folder):
        return None
    path = folder / ITEMS
    checksum = (read_schema(path).metadata or {}).get(_key(lang))
    if checksum is not None:
        return bool(checksum == _checksum(items))
    table = read_table(path, columns=["id"], filters=[("lang", "==", lang)])
    return sorted(table["id"].to_pylist()) == sorted(item.id for item in items)


def _key(lang: str) -> bytes:
    return f"items_sha256:{lang}".encode()


def _checksum(items: Sequence[Item]) -> bytes:
    facts = (
        repr((item.id, item.text, item.text2, item.label, item.answers, item.tags))
        for item in items
    )
    return hashlib.sha256("\n".join(facts).encode("utf-8", "surrogatepass")).hexdigest().encode()
