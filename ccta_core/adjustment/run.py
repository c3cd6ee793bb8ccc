"""A run from settings to an adjusted backbone: pairs, links, the loop, the card."""

import shutil
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any, NamedTuple

import numpy as np
import torch
from safetensors.torch import save_file

from ccta_core.adjustment.learning import (
    CHECKPOINT,
    Learning,
    Prepared,
    Report,
    check_layer,
    check_memory,
    start_encoder,
)
from ccta_core.adjustment.links import (
    ARGMAX,
    Linked,
    LinkedPair,
    WordPair,
    corrupt_links,
    find_links,
    keep_links,
    read_words,
)
from ccta_core.adjustment.parallel import (
    Pair,
    ParallelText,
    drop_overlap,
    pairs_sha256,
    read_parallel,
)
from ccta_core.adjustment.processes import Processes, open_processes
from ccta_core.adjustment.settings import (
    LEAST,
    LOCK,
    MANIFEST,
    Adjustment,
    as_facts,
    check_free,
    hold_alone,
    read_manifest,
    read_settings,
    write_json,
)
from ccta_core.adjustment.words import WordReader
from ccta_core.errors import CctaError
from ccta_core.models.load import WHOLE, Backbone, backbone
from ccta_core.training.card import WEIGHTS, revision, sha256_of, write_card
from ccta_core.training.finish import describe_backbone
from ccta_core.training.learner import save_adapter

_LIBRARIES = ("torch", "transformers", "peft", "numpy", "tokenizers", "regex")
_LIMIT = 512


def run(settings: Adjustment, *, report: Report, device: str = "cpu") -> dict[str, Any]:
    """Adjusts a model and puts the result among the backbones; returns its manifest.

    Of several processes (processes.py) the first writes; the others return nothing. Raises
    CctaError (one line) on a name in use, on data that can't be used, and where the loss is no
    longer finite: the last good state is kept.
    """
    processes = open_processes(device)
    if not processes.first:
        return _follow(settings, processes, device)
    check_free(settings.name)
    settings.folder.mkdir(parents=True, exist_ok=True)
    write_json(settings.folder / MANIFEST, {"settings": as_facts(settings), "status": "running"})
    try:
        return _run(settings, report, device, processes)
    except CctaError:
        if not (settings.folder / CHECKPOINT).exists():  # nothing was learnt: the name stays free
            shutil.rmtree(settings.folder, ignore_errors=True)
        raise


def resume(name: str, *, report: Report, device: str = "cpu") -> dict[str, Any]:
    """Goes on with a run that was killed, to the weights it would have had; returns its manifest.

    A finished run is left as it is. Raises CctaError where there is none of this name, where it is
    at work, and where its data are others by now.
    """
    manifest = read_manifest(name)
    if manifest["status"] == "finished":
        report(f"{name} is finished; there is nothing to resume")
        return manifest
    processes = open_processes(device)
    if not processes.first:
        return _follow(read_settings(name), processes, device)
    return _run(read_settings(name), report, device, processes)


def prepare(settings: Adjustment, parts: Backbone, *, report: Report, device: str) -> Prepared:
    """Reads, draws and links the pairs of a run.

    Held-out pairs depend on the text alone, the others are drawn by the run's seed from what is
    left. Raises CctaError on data that can't be used.
    """
    text, usable, dropped, drawn = _read_pairs(settings, parts)
    train, held = drawn.train, drawn.held
    report(
        f"{len(text.pairs):,} pairs of {settings.lang} and en, {usable:,} of them usable: "
        f"{len(train):,} to learn from, {len(held):,} held out; linking their words"
    )
    check_memory(settings, parts, max(max(p.foreign.tokens, p.english.tokens) for p in train))
    layer = parts.align_layer if settings.link_layer is None else settings.link_layer
    check_layer(parts, layer)
    linked = _link_pairs(settings, parts, drawn, layer, device)
    pairs, changed = corrupt_links(linked.train.pairs, settings.corrupted_share, settings.seed)
    report(
        f"{linked.train.counts['links']:,} links in {len(pairs):,} pairs, "
        f"{linked.train.counts['links'] / len(pairs):.1f} a pair; {changed:,} re-paired at random"
    )
    facts = {
        "data": {
            "source": text.source,
            "sha256": text.sha256,
            "pairs": len(text.pairs),
            "dropped": text.dropped | dropped,
            "drawn": len(train),
            "drawn_sha256": _words_sha256(train),
            "tokens": sum(p.foreign.tokens + p.english.tokens for p in train),
            "held": len(linked.held.pairs),
            "held_sha256": _words_sha256(held),
        },
        "links": linked.train.counts | {"corrupted": changed},
        "held_links": linked.held.counts,
        "link_layer": layer,
    }
    return Prepared(pairs, linked.held.pairs, facts)


def learnt_pairs(settings: Adjustment, parts: Backbone) -> set[Pair]:
    """Returns the sentence pairs that an adjustment of the model `parts` learns from. Raises
    CctaError where its text can't be read any more.
    """
    drawn = _read_pairs(settings, parts).drawn
    return {sentences_of(pair) for pair in drawn.train}


def sentences_of(pair: WordPair | LinkedPair) -> Pair:
    """Returns the two sentences of a pair, words apart."""
    return " ".join(pair.foreign.texts), " ".join(pair.english.texts)


class _ReadPairs(NamedTuple):
    """The text of a run, how many of its pairs are usable, why others are not, and what is drawn
    of them.
    """

    text: ParallelText
    usable: int
    dropped: dict[str, int]
    drawn: "_DrawnPairs"


def _read_pairs(settings: Adjustment, parts: Backbone) -> _ReadPairs:
    text = drop_overlap(
        read_parallel(settings.parallel, settings.lang),
        settings.tests,
        allowed=settings.allow_overlap,
    )
    reader = WordReader(parts.tokenizer)
    most = min(
        int(parts.tokenizer.model_max_length),
        getattr(parts.config, "max_position_embeddings", _LIMIT) or _LIMIT,
    )
    words, dropped = read_words(reader, text.pairs, settings.lang, most_tokens=most - 2)
    return _ReadPairs(text, len(words), dropped, _draw_pairs(settings, text, words))


class _DrawnPairs(NamedTuple):
    """The pairs to learn from and those held out."""

    train: list[WordPair]
    held: list[WordPair]


class _LinkedPairs(NamedTuple):
    """The links of the pairs to learn from and of those held out."""

    train: Linked
    held: Linked


def _link_pairs(
    settings: Adjustment, parts: Backbone, drawn: _DrawnPairs, layer: int, device: str
) -> _LinkedPairs:
    """Returns the links of the pairs to learn from and of those held out. Raises CctaError on too
    few.
    """
    options: dict[str, Any] = {
        "encoder": start_encoder(parts, device),
        "reader": WordReader(parts.tokenizer),
        "layer": layer,
        "method": settings.aligner,
        "bfloat16": settings.bfloat16,
        "revision": parts.revision,
    }
    if settings.aligner == ARGMAX:
        candidates = [find_links(pairs, **options) for pairs in drawn]
    else:  # its model is estimated on all of the text together
        every = find_links([*drawn.train, *drawn.held], **options)
        candidates = [every[: len(drawn.train)], every[len(drawn.train) :]]
    train, held = (keep_links(*each) for each in zip(drawn, candidates, strict=True))
    if len(train.pairs) < LEAST:
        raise CctaError(
            f"{len(train.pairs)} pairs with a word link are left of {len(drawn.train)}; expected "
            f"at least {LEAST}; give more text, or check that the two sides are translations"
        )
    if not held.pairs:
        raise CctaError(
            f"none of the {len(drawn.held)} held-out pairs has a word link; check that the two "
            "sides are translations"
        )
    return _LinkedPairs(train, held)


def _draw_pairs(settings: Adjustment, text: ParallelText, words: Sequence[WordPair]) -> _DrawnPairs:
    """Returns the pairs to learn from and those held out."""
    if len(words) < 2 * LEAST:
        dropped = ", ".join(f"{count} {reason}" for reason, count in text.dropped.items())
        raise CctaError(
            f"{len(words)} usable pairs are too few: {LEAST} are held out and a warm-up takes "
            f"{LEAST} more; give more text" + (f" (dropped: {dropped})" if dropped else "")
        )
    held = min(settings.held, max(LEAST, len(words) // 10))
    order = np.random.default_rng(0x33).permutation(len(words))
    left = order[held:]
    wanted = len(left) if settings.pairs is None else settings.pairs
    if wanted > len(left):
        raise CctaError(
            f"{wanted} pairs are asked for and {len(left)} are left beside the {held} held out; "
            "ask for fewer, or for all of them by naming no number"
        )
    drawn = np.random.default_rng([settings.seed, 0x44]).permutation(left)[:wanted]
    return _DrawnPairs(
        [words[row] for row in sorted(drawn)], [words[row] for row in sorted(order[:held])]
    )


def _words_sha256(pairs: Sequence[WordPair]) -> str:
    return pairs_sha256(sentences_of(pair) for pair in pairs)


def _follow(settings: Adjustment, processes: Processes, device: str) -> dict[str, Any]:
    """Does the part of every process but the first: its share of each batch."""
    processes.wait()  # the first has linked the words, and keeps the links in the cache
    parts = backbone(settings.model)
    prepared = prepare(settings, parts, report=lambda line: None, device=device)
    Learning(settings, parts, prepared, device=device, processes=processes).train(lambda line: None)
    processes.close()
    return {}


def _run(settings: Adjustment, report: Report, device: str, processes: Processes) -> dict[str, Any]:
    with hold_alone(settings.folder / LOCK, settings.name):
        parts = backbone(settings.model)
        prepared = prepare(settings, parts, report=report, device=device)
        manifest = {
            "settings": as_facts(settings),
            "status": "running",
            "id": settings.id,
            "base": {"id": parts.id, "revision": parts.revision},
            **prepared.facts,
            "versions": {name: version(name) for name in _LIBRARIES},
            "threads": torch.get_num_threads(),
            "processes": processes.count,
            "device": device,
        }
        write_json(settings.folder / MANIFEST, manifest)
        processes.wait()
        learning = Learning(settings, parts, prepared, device=device, processes=processes)
        try:
            learning.train(report)
        except CctaError as error:
            write_json(
                settings.folder / MANIFEST,
                manifest | {"status": "stopped", "reason": str(error)} | learning.facts(),
            )
            raise
        manifest |= {"status": "finished"} | learning.facts()
        write_backbone(learning, manifest)
        write_json(settings.folder / MANIFEST, manifest)
        (settings.folder / CHECKPOINT).unlink(missing_ok=True)
        processes.close()
        return manifest


def write_backbone(learning: Learning, manifest: dict[str, Any]) -> None:
    """Writes the weights and, last, the card that makes the folder a backbone."""
    settings, parts = learning.settings, learning.parts
    folder, pairs = settings.folder, len(learning.prepared.train)
    if settings.full:
        state = {name: t.contiguous() for name, t in learning.model.to("cpu").state_dict().items()}
        save_file(state, folder / WHOLE)
        files: tuple[str, ...] = (WHOLE,)
    else:
        save_adapter(learning.model.to("cpu"), folder, parts.id)
        files = WEIGHTS
    kind = "placebo of an adjustment" if settings.placebo else "adjusted"
    card: dict[str, Any] = {
        "task": "backbone",
        "training_language": None,
        "labels": [],
        "layers": [],
        "align_layer": parts.align_layer,
        "base": manifest["base"],
        "backbone": describe_backbone(parts.id),
        "what": (
            f"{parts.id}, {kind} with {pairs:,} sentence pairs of "
            f"English and {settings.lang} (Efimov et al., 2023)"
        ),
        "source": f"{parts.id} {kind} by {', '.join(settings.parallel)}",
        "data": manifest["data"]["source"],
        "licence": "of the parallel text; see its source",
        "training": {
            "recipe": {
                "rank": 0 if settings.full else settings.rank,
                "epochs": settings.epochs,
                "batch_size": settings.batch_size,
                "learning_rate": settings.rate,
                "seed": settings.seed,
            },
            "pairs": pairs,
            "seconds": manifest["seconds"],
        },
        "adjustment": {
            name: manifest[name] for name in ("settings", "data", "links", "link_layer")
        },
        "scores": {},
        "sha256": {name: sha256_of(folder / name) for name in files},
    }
    card["revision"] = revision(card)
    manifest["revision"] = card["revision"]
    write_card(folder, card)
