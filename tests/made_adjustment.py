"""Small made tables of an adjustment experiment: two languages, all arms, seeds, all tables."""

from itertools import product

import numpy as np
import pandas as pd

from ccta_core.adjustment.tables import CONTRASTS, write_tables

ARMS = ("original", "adjusted", "placebo", "continual", "continual-placebo")
STEPS, LAYERS = (0, 10, 20, 31), (0, 1, 2, 3)
LABELS = ("entailment", "neutral", "contradiction")
SEEDS = {"es": (1, 2, 3, 4, 5), "hi": (1, 2, 3)}
EVALUATED = ("en", "es", "hi", "sw")
_LIFT = {"original": 0.0, "adjusted": -0.02, "placebo": -0.01, "continual": 0.03,
         "continual-placebo": 0.0}  # fmt: skip
_ITEMS = 90


def place(arm, task, lang, seed, *, pairs=40, noise=0.0, usual=True):
    """The columns that say where a row stands in the design."""
    return {"arm": arm, "task": task, "lang": lang, "pairs": 0 if arm == "original" else pairs,
            "noise": noise, "seed": seed, "usual": usual}  # fmt: skip


def write_made(folder):
    """Writes every table; Hindi loses more by adjusting than Spanish, Vietnamese was not run."""
    tables = {
        "runs": runs(), "probe": probe(), "scores": scores(), "items": items(),
        "distances": distances(), "sentences": sentences(), "consistency": consistency(),
        "consistency_contrasts": consistency_contrasts(),
    }  # fmt: skip
    tables["paired"], tables["contrasts"] = contrasts()
    write_tables({name: pd.DataFrame(table) for name, table in tables.items()}, folder)
    return folder


def runs():
    rows = []
    for lang in (*SEEDS, "vi"):
        for arm, seed in product(ARMS, SEEDS.get(lang, (1,))):
            state = "finished" if lang in SEEDS else "not run"
            name = f"own/nli-{lang}-{arm}-s{seed}"
            if arm == "original":
                rows.append({"id": f"own/nli-original-s{seed}", "kind": "train",
                             **place(arm, "nli", "", seed), "state": "finished",
                             "block": "first"})  # fmt: skip
                continue
            if arm in ("adjusted", "placebo"):
                suffix = "" if arm == "adjusted" else "-placebo"
                rows.append({"id": f"adjusted/{lang}-40-s{seed}{suffix}", "kind": "adjust",
                             **place(arm, "", lang, seed), "state": state,
                             "block": "first"})  # fmt: skip
            rows.append({"id": name, "kind": "train", **place(arm, "nli", lang, seed),
                         "state": state, "block": "first"})  # fmt: skip
    rows.append({"id": "own/ner-original-s1", "kind": "train", **place("original", "ner", "", 1),
                 "state": "not run", "block": "second"})  # fmt: skip
    return pd.DataFrame(rows).drop_duplicates("id").to_dict("records")


def probe():
    draw = np.random.default_rng(1)
    rows = []
    doses = [place("adjusted", "", "es", 1, pairs=pairs, usual=False) for pairs in (10, -1)]
    usual = [
        place(arm, "", lang, seed)
        for lang, seeds in SEEDS.items()
        for arm, seed in product(("adjusted", "placebo"), seeds)
    ]
    for at, step, layer in product([*usual, *doses], STEPS, LAYERS):
        moved = (step / STEPS[-1]) * (1.0 if at["arm"] == "adjusted" else 0.3)
        row = {"model": f"adjusted/{at['lang']}-{at['pairs']}-s{at['seed']}-{at['arm']}",
               "held_pairs": 20, "step": step, "layer": layer, "links": 200}  # fmt: skip
        for kind, top in (("cosine", 1.5), ("l2", 12.0)):
            centre = top * (0.3 - 0.15 * moved)
            parts = [draw.normal(c, top / 20, 200) for c in (centre, centre + top * 0.15)]
            counts = [np.histogram(np.clip(part, 0, top), 60, (0, top))[0] for part in parts]
            row |= {
                f"auc_{kind}": 0.8 + 0.1 * moved + 0.02 * layer,
                f"related_{kind}": float(parts[0].mean()),
                f"unrelated_{kind}": float(parts[1].mean()),
                f"gap_{kind}": 0.1, f"below_zero_{kind}": 0.1,
                f"overlap_{kind}": float(np.minimum(*counts).sum() / 200), f"edge_{kind}": top,
            }  # fmt: skip
            for which, each in zip(("related", "unrelated"), counts, strict=True):
                row[f"histogram_{which}_{kind}"] = each if at["usual"] else None
        row |= {"held_loss": 0.02 - 0.01 * moved, "retrieval_to_english": 0.5 + 0.4 * moved,
                "retrieval_from_english": 0.5}  # fmt: skip
        rows.append(at | row)
    return rows


def trained():
    """(place, seed) of every trained model, the original's once."""
    yield from (place("original", "nli", "", seed) for seed in SEEDS["es"])
    for lang, seeds in SEEDS.items():
        for arm, seed in product(ARMS[1:], seeds):
            yield place(arm, "nli", lang, seed)


def accuracy(at, eval_lang):
    base = {"en": 0.7, "es": 0.62, "hi": 0.55, "sw": 0.5}[eval_lang]
    harm = 1.5 if at["lang"] == "hi" else 1.0
    return base + harm * _LIFT[at["arm"]] + 0.002 * at["seed"]


def scores():
    return [
        at | {"model": "m", "eval_lang": lang, "metric": "accuracy", "score": accuracy(at, lang),
              "low": 0.4, "high": 0.8, "n": _ITEMS}
        for at in trained()
        for lang in EVALUATED
    ]  # fmt: skip


def items():
    draw = np.random.default_rng(2)
    gold = [LABELS[number % 3] for number in range(_ITEMS)]
    rows = []
    for at, lang in product(trained(), EVALUATED):
        right = draw.random(_ITEMS) < accuracy(at, lang)
        for number, (truth, hit) in enumerate(zip(gold, right, strict=True)):
            wrong = LABELS[(number + 1) % 3]
            rows.append(
                {"task": "nli", "lang": at["lang"], "arm": at["arm"], "seed": at["seed"],
                 "eval_lang": lang, "id": f"item-{number:03}", "correct": bool(hit),
                 "predicted": truth if hit else wrong, "gold": truth}
            )  # fmt: skip
    return rows


def contrasts():
    paired, over = [], []
    for lang, (first, reference), eval_lang in product(SEEDS, CONTRASTS, EVALUATED):
        design = {"task": "nli", "lang": lang, "arm": first, "reference": reference,
                  "eval_lang": eval_lang}  # fmt: skip
        ends = [place(arm, "nli", lang if arm != "original" else "", 1)
                for arm in (first, reference)]  # fmt: skip
        moved = accuracy(ends[0], eval_lang) - accuracy(ends[1], eval_lang)
        for seed in SEEDS[lang]:
            shifted = moved + 0.004 * (seed - 2)
            paired.append(design | {
                "seed": seed, "first_score": 0.6, "reference_score": 0.6, "difference": shifted,
                "low": shifted - 0.02, "high": shifted + 0.02, "p": 0.2, "only_first": 10,
                "only_reference": 12, "mcnemar_p": 0.8, "n": _ITEMS,
            })  # fmt: skip
        over.append(design | {
            "first_score": 0.6, "reference_score": 0.6, "difference": moved, "low": moved - 0.015,
            "high": moved + 0.015, "p": 0.2, "seeds": len(SEEDS[lang]), "sd_over_seeds": 0.004,
            "detectable": 0.01, "n": _ITEMS,
        })  # fmt: skip
    return paired, over


def distances():
    rows = []
    backbones = [place(arm, "", "es", 1) for arm in ARMS[:3]]
    after = [place(arm, "nli", "es", 1) for arm in ARMS]
    for at, layer, kind in product([*backbones, *after], LAYERS, ("cosine", "l2")):
        last = layer == LAYERS[-1]
        counts = np.arange(60)
        rows.append(at | {
            "model": "m", "layer": layer, "distance": kind, "auc": 0.85 + 0.01 * layer,
            "auc_low": 0.8, "auc_high": 0.9, "related": 0.2, "unrelated": 0.5, "gap": 0.3,
            "gap_sd": 0.1, "below_zero": 0.1, "overlap": 0.3, "links": 200, "pairs": 20,
            "edge": 1.2, "histogram_related": counts[::-1] if last else None,
            "histogram_unrelated": counts if last else None, "histogram_gap": None,
        })  # fmt: skip
        rows[-1]["pairs"] = at["pairs"]
    return rows


def sentences():
    return [
        place(arm, "", "es", 1) | {
            "model": "m", "set": "tatoeba", "lang_of_set": "es", "layer": layer,
            "specials": specials, "foreign_to_english": 0.8, "english_to_foreign": 0.8,
            "mexa": 0.5 + 0.1 * layer, "n": 100,
        }
        for arm, layer, specials in product(ARMS[:3], LAYERS, (True, False))
    ]  # fmt: skip


def consistency_contrasts():
    return [
        {"task": "nli", "lang": "es", "arm": arm, "reference": reference, "layer": 8,
         "measure": measure, "difference": moved, "low": moved - 0.01, "high": moved + 0.01,
         "p": 0.01, "seeds": 2, "sd_over_seeds": 0.01, "detectable": 0.02, "n": 60}
        for arm, reference in (("adjusted", "original"), ("adjusted", "placebo"))
        for measure, moved in (
            ("ems", 0.05), ("gain", 0.0), ("gain_calibrated", 0.01), ("ems_uniform", 0.04)
        )
    ]  # fmt: skip


def consistency():
    rows = []
    for arm, (measure, moved) in product(
        ARMS[:4], (("ems", 0.05), ("gain", 0.0), ("ems_uniform", 0.04))
    ):
        row = place(arm, "nli", "es", 1) | {
            "model": "m", "study": "made-es-s1", "layer": 8, "measure": measure, "value": 0.6,
            "n": 60,
        }  # fmt: skip
        if arm != "original":
            row |= {"difference": moved, "low": moved - 0.01, "high": moved + 0.01, "p": 0.01}
        rows.append(row)
    return rows
