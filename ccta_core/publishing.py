"""Writes a model or a study as a repository of the Hugging Face Hub, with its card, and sends it.

A model becomes a folder that `transformers` opens by itself, weights merged; a study one that
`datasets` opens. Both carry a README.md with the Hub's YAML header (Mitchell et al., 2019, for
models; Gebru et al., 2021, for data), a LICENSE file and what was measured, from the same card and
manifest that the pages show.
"""

import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from huggingface_hub import DatasetCardData, EvalResult, HfApi, ModelCardData

from ccta_core.errors import CctaError
from ccta_core.measures import MEASURES
from ccta_core.models.added import find
from ccta_core.models.catalog import BACKBONE, ModelInfo, catalog
from ccta_core.models.load import load_backbone, load_model
from ccta_core.models.wording import card_facts, score_rows
from ccta_core.reports.markdown import markdown_table
from ccta_core.reports.study import facts
from ccta_core.reports.study.write import export_study
from ccta_core.study.storage.table import Study

_PIPELINES = {
    "nli": "text-classification", "paraphrase": "text-classification",
    "classification": "text-classification", "qa": "question-answering",
    "ner": "token-classification", "backbone": "feature-extraction",
}  # fmt: skip
_LICENCES = (
    (r"\bCC BY-NC-SA(?: (\d\.\d))?", "cc-by-nc-sa"), (r"\bCC BY-NC(?: (\d\.\d))?", "cc-by-nc"),
    (r"\bCC BY-SA(?: (\d\.\d))?", "cc-by-sa"), (r"\bCC BY(?: (\d\.\d))?", "cc-by"),
    (r"\bODC-BY", "odc-by"), (r"^MIT\b", "mit"),
)  # fmt: skip
"""The Hub's names of licences, the strictest first, by what stands in a card or a manifest."""
_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (10**6, "100K<n<1M"))
_ENCODER = "intfloat/multilingual-e5-small"
_SOURCE = "https://arxiv.org/abs/2112.12356"


def publish_model(model_id: str, to: str | Path) -> Path:
    """Writes a model of the zoo, or one trained here, as a folder that `from_pretrained` opens.

    Weights in float32 with the adapter merged, configuration, tokenizer, LICENSE, and README.md
    with the card. Returns the folder. Raises CctaError where the folder holds anything, on a model
    that was made elsewhere, and as `load_model`.
    """
    info = find(model_id)
    if info.id not in catalog():
        raise CctaError(f"{info.id} was not made here: it is to be had where it came from")

    def write(folder: Path) -> None:
        if info.task == "backbone":
            network, tokenizer = load_backbone(info.id)
        else:
            model = load_model(info.id, device="cpu")
            network, tokenizer = model.hf_model, model.tokenizer
        network.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        licence = str(info.card.get("licence") or "not known")
        (folder / "LICENSE").write_text(f"{licence}\n", "utf-8")
        (folder / "README.md").write_text(model_card(info), "utf-8")

    return _written_whole(to, write)


def publish_study(study: Study, to: str | Path) -> Path:
    """Writes a study as a folder that `datasets.load_dataset` opens: its rows, without any text.

    data/rows.parquet, manifest.json (provenance), LICENSE, and README.md with the dataset card.
    Returns the folder. Raises CctaError where the folder holds anything or no part is finished.
    """

    def write(folder: Path) -> None:
        export_study(study, folder / "data" / "rows.parquet", "parquet")
        provenance = json.dumps(facts.provenance(study), ensure_ascii=False, indent=1)
        (folder / "manifest.json").write_text(f"{provenance}\n", "utf-8")
        (folder / "LICENSE").write_text(f"{study.manifest.licence or 'not known'}\n", "utf-8")
        (folder / "README.md").write_text(study_card(study), "utf-8")

    return _written_whole(to, write)


def push(folder: Path, repository: str, kind: str, *, private: bool = False) -> str:
    """Sends a written folder to the Hub; returns the address of what is there then.

    `repository` is OWNER/NAME, `kind` "model" or "dataset"; the token is the one that
    `hf auth login` keeps or HF_TOKEN. Raises CctaError (one line) where the Hub can't be reached
    or refuses.
    """
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", repository):
        raise CctaError(f"{repository!r} is no repository of the Hub; expected OWNER/NAME")
    hub = HfApi()
    try:
        hub.create_repo(repository, repo_type=kind, private=private, exist_ok=True)
        sent = hub.upload_folder(repo_id=repository, folder_path=folder, repo_type=kind)
    except Exception as error:  # what the Hub's client raises is not one family
        first = next((line for line in str(error).splitlines() if line.strip()), "")
        raise CctaError(
            f"{repository} could not be sent ({first.strip() or type(error).__name__}); the folder "
            f"{folder} is complete: log in (hf auth login) or check the network, and send it again"
        ) from error
    return str(sent)


def model_card(info: ModelInfo) -> str:
    """Returns the card of a model: the Hub's header with a result a language, then its facts."""
    card, name = info.card, info.id.replace("/", "-")
    embedded = info.id.split("/")[0] == BACKBONE or f"{BACKBONE}:" in str(card.get("backbone"))
    data = ModelCardData(
        model_name=name,
        language=sorted(card.get("scores", {})),
        library_name="transformers",
        pipeline_tag=_PIPELINES[info.task],
        base_model=_ENCODER if embedded else None,
        tags=["cross-lingual", "multilingual", info.task],
        eval_results=list(_results(info)) or None,
        **_licence(str(card.get("licence") or "")),
    )
    title, *rows = score_rows(card)
    parts = [
        f"---\n{data.to_yaml()}\n---\n\n# {name}",
        "\n".join(f"- **{fact}**: {value}" for fact, value in card_facts(info)),
    ]
    if info.labels:
        parts.append(f"Classes, in the order of the logits: {', '.join(info.labels)}.")
    if rows:
        parts += ["## Scores", markdown_table(title, rows)]
    if embedded:
        parts.append(
            f"The encoder under it is {_ENCODER} in 4 bits, written out in float32: its weights "
            "are not those of that release."
        )
    parts.append(f"Made to study how consistent token attributions are ({_SOURCE}).")
    return "\n\n".join(parts) + "\n"


def study_card(study: Study) -> str:
    """Returns the card of a study: the Hub's header, what was measured, and every column."""
    manifest, rows = study.manifest, study.done
    columns = study.table(arrow=True)
    size = next((name for most, name in _SIZES if len(columns) < most), "n>1M")
    data = DatasetCardData(
        pretty_name=f"Consistency of token attributions: {manifest.name}",
        language=sorted(manifest.languages),
        size_categories=[size],
        tags=["token-attributions", "cross-lingual", "integrated-gradients", "optimal-transport"],
        configs=[{"config_name": "default", "data_files": "data/rows.parquet"}],
        **_licence(manifest.licence or ""),
    )
    described = [
        [f"`{name}`", MEASURES[name].meaning if name in MEASURES else name.replace("_", " ")]
        for name in columns.schema.names
    ]
    models = [[model["id"], model["revision"]] for model in manifest.models]
    return "\n\n".join([
        f"---\n{data.to_yaml()}\n---\n\n# {data.pretty_name}",
        f"{'; '.join(facts.outline(manifest))}; {facts.layers(manifest)}. {len(columns):,} rows, "
        f"{rows.done} of {rows.total} parts.",
        f"Measured on {facts.data_name(manifest)} (licence: {manifest.licence or 'not known'}). "
        "No sentence of it is in here: an item is named by its place in that data set.",
        "```python\nfrom datasets import load_dataset\n\n"
        f'rows = load_dataset("OWNER/{manifest.name}", split="train")\n```',
        "## Columns", markdown_table(["column", "meaning"], described),
        "## Models", markdown_table(["model", "revision"], models),
        f"The method is that of {_SOURCE}; settings and versions are in `manifest.json`.",
    ]) + "\n"  # fmt: skip


def _written_whole(to: str | Path, write: Callable[[Path], None]) -> Path:
    """Returns the folder, with everything or not there at all."""
    folder = Path(to)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise CctaError(f"{folder} holds something; name a folder that is empty or not there yet")
    temporary = folder.with_name(f".{folder.name}.part")
    try:
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        write(temporary)
        if folder.exists():
            folder.rmdir()
        temporary.replace(folder)
    except OSError as error:
        raise CctaError(
            f"{folder} can't be written ({error.strerror or error}); name another"
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return folder


def _results(info: ModelInfo) -> Iterator[EvalResult]:
    """Yields a result a language, on the data that the card names."""
    evaluation = str(info.card.get("evaluation", ""))
    metric = "accuracy" if info.task == "backbone" else str(info.card.get("metric", "accuracy"))
    found = re.search(r"XNLI|PAWS-X|XQuAD|PAN-X|FLORES-200", evaluation)
    if not found:
        return
    name = found.group()
    for lang, score in info.card["scores"].items():
        yield EvalResult(
            task_type=_PIPELINES[info.task],
            dataset_type=name.lower(),
            dataset_name=f"{name} ({lang})",
            dataset_config=lang,
            metric_type=metric,
            metric_value=score[metric],
        )


def _licence(text: str) -> dict[str, Any]:
    """Returns the header's lines on the licence: the Hub's name of it, or `other` and the file."""
    for pattern, name in _LICENCES:
        if found := re.search(pattern, text):
            version = next((group for group in found.groups() if group), "")
            if name == "cc-by-nc-sa" or name in ("mit", "odc-by") or version:
                return {"license": f"{name}-{version}" if version else name}
    return {"license": "other", "license_name": "see-license-file", "license_link": "LICENSE"}
