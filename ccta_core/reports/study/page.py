"""A study as one self-contained page: nothing is loaded, nothing runs, nothing is a text of it."""

from ccta_core.reports.pair.page import still_page
from ccta_core.reports.study.facts import layers, missing_by_model, outline
from ccta_core.reports.study.means import PairMeans, Summary, both_ways, overall
from ccta_core.reports.study.pictures import pictures
from ccta_core.reports.study.tables import (
    completeness_table,
    language_table,
    left_out_table,
    means_table,
    models_table,
    overview_table,
    settings_table,
    studied_table,
)
from ccta_core.reports.study.words import EXPLANATION, name_of, safe, shown
from ccta_core.text import count


def study_page(summary: Summary) -> str:
    """A complete HTML document: what was studied, EMS beside its controls, figures, gaps."""
    return still_page("page.html", "ccta_core.reports.study", _contents(summary))


def _contents(summary: Summary) -> dict[str, str]:
    study = summary.study
    return {
        "title": safe(f"Study {study.name}: consistency of attributions across languages"),
        "heading": safe(f"Study {study.name}"),
        "setting": safe(_setting(summary)),
        "banner": _banner(summary),
        "verdict": _verdict(summary),
        "explanation": EXPLANATION,
        "studied": f"<h2>What was studied</h2>{studied_table(study)}{models_table(study)}",
        "completeness": (
            f"<h2>How complete it is</h2>{completeness_table(summary)}{left_out_table(study)}"
        ),
        "overview": _overview(summary),
        "settings": "".join(_section(summary, *one) for one in summary.settings),
        "made": f"<h2>Settings and versions</h2>{settings_table(study)}",
    }


def _setting(summary: Summary) -> str:
    manifest = summary.study.manifest
    return ", ".join((*outline(manifest), count(len(manifest.models), "model"), layers(manifest)))


def _banner(summary: Summary) -> str:
    study = summary.study
    done, total = study.done
    if done == total:
        return ""
    gaps = missing_by_model(study)
    where = "; ".join(f"{model}: {count}" for model, count in gaps.items())
    one = total - done == 1
    text = (
        f"This study is not finished: {total - done} of {total} parts {'is' if one else 'are'} "
        f"missing ({where}). Every number below is over what is there and may change; "
        f"ccta study resume {study.name} goes on."
    )
    return f'<p class="banner" role="note"><strong>Unfinished.</strong> {safe(text)}</p>'


def _verdict(summary: Summary) -> str:
    """What the means of all models and layers say together, the controls beside the score."""
    sentences = [_says(summary, *one) for one in summary.settings[:1]]
    if len(summary.settings) > 1:
        sentences.append(f"This is the first of {len(summary.settings)} models and layers below.")
    return safe(" ".join(sentences))


def _says(summary: Summary, model: str, layer: int) -> str:
    """EMS beside its controls for one model and layer; no more is claimed than they allow."""
    pairs = both_ways(summary.of(model, layer), summary.study.manifest.languages)
    values = {
        name: overall(pairs, name)
        for name in ("ems", "ems_uniform", "ems_shuffled", "ems_unrelated", "gain")
    }
    head = f"{model}, layer {layer}: mean EMS is {shown(values['ems'], 2)} over "
    parts = [f"{head}{count(len(pairs), 'language pair')}"]
    words = {
        "ems_shuffled": "shuffled masses reach",
        "ems_uniform": "uniform masses",
        "ems_unrelated": "unrelated texts",
    }
    known = [
        f"{said} {shown(values[name], 2)}"
        for name, said in words.items()
        if values[name] is not None
    ]
    sentence = "; ".join([*parts, ", ".join(known)]) if known else parts[0]
    return f"{sentence}. {_about_gain(pairs, values['gain'])}"


def _about_gain(pairs: list[PairMeans], gain: float | None) -> str:
    if gain is None:
        return "Without shuffled masses it can't be told apart from similar embeddings."
    lows = [pair.means["gain"].low for pair in pairs]
    above = sum(low is not None and low > 0 for low in lows)
    return (
        f"The gain over shuffled is {shown(gain, 2)}; its 95% interval lies above zero in {above} "
        f"of {count(len(pairs), 'pair')}."
    )


def _overview(summary: Summary) -> str:
    if len(summary.settings) < 2:
        return ""
    return f"<h2>Models and layers side by side</h2>{overview_table(summary)}"


def _section(summary: Summary, model: str, layer: int) -> str:
    languages = summary.study.manifest.languages
    pairs = both_ways(summary.of(model, layer), languages)
    facts = next(one for one in summary.study.manifest.models if one["id"] == model)
    trained = facts.get("training_language")
    several = len(summary.settings) > 1
    says = f"<p>{safe(_says(summary, model, layer))}</p>" if several else ""
    about = f"trained on {name_of(trained)}" if trained else "no training language known"
    return (
        f"<section><h2>{safe(model)}, layer {layer}</h2>"
        f'<p class="quiet">{safe(about)}</p>'
        f"{says}"
        f"{means_table(pairs, summary.columns)}"
        f"{pictures(summary, model, layer)}"
        f"<h3>By language</h3>{language_table(summary, model, layer)}</section>"
    )
