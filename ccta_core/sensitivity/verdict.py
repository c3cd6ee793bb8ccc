"""From the rows to sentences that claim no more than the numbers allow."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import fields
from statistics import median

from ccta_core.sensitivity.ranking import Agreement, SettingRow
from ccta_core.sensitivity.settings import Setting
from ccta_core.text import plain

SURVIVES = 0.7
"""Spearman's rho from which a ranking is said to survive [ours]."""
LOST = 0.4
"""Spearman's rho below which a ranking is said to be lost; between them it is weakened [ours]."""
_MOST = 0.5  # of the sentences
FEW = 10
"""Below so many groups an interval from resampling them is called unreliable."""


def sensitivity_verdict(
    rows: Sequence[SettingRow], embeddings: SettingRow, repeat: Agreement, *, groups: int
) -> tuple[str, ...]:
    """What survives the change of method, layer, baseline and mass, a sentence each.

    `rows` begins with the reference; `embeddings` is the row of uniform masses, `repeat` the
    reference by gain against itself with other shuffles.
    """
    reference, others = rows[0], rows[1:]
    if not others:
        return ("Only the reference was measured: there is nothing to compare it with.",)
    lines = [
        _chance(rows),
        _ranking("gain over shuffled masses", [row.by_gain for row in others]),
        _repeated(repeat),
        *_by_method(others),
        _one_change(reference, others),
        _ranking("EMS", [row.by_ems for row in others]),
        _without_attributions(embeddings),
        _of_pairs(reference, others),
        _unconverged(rows),
    ]
    if groups < FEW:
        lines.append(f"Only {groups} groups of items: the intervals are unreliable.")
    return tuple(line for line in lines if line)


def _chance(rows: Sequence[SettingRow]) -> str:
    above = sum(row.gain_low is not None and row.gain_low > 0 for row in rows)
    below = sum(row.gain_high is not None and row.gain_high < 0 for row in rows)
    return (
        "Attributions agree beyond shuffled masses (mean gain above 0, its 95% interval too) in "
        f"{above} of {len(rows)} settings; the interval is below 0 in {below}."
    )


def _ranking(name: str, agreements: Sequence[Agreement | None]) -> str:
    rhos = [agreement.spearman if agreement is not None else None for agreement in agreements]
    lost = sum(rho is None or rho < LOST for rho in rhos)
    kept = sum(rho is not None and rho >= SURVIVES for rho in rhos)
    return (
        f"The ranking of items by {name} survives (rho >= {SURVIVES}) in {kept} of {len(rhos)} "
        f"other settings, is weakened in {len(rhos) - kept - lost} and lost (rho < {LOST}, or "
        f"nothing to rank) in {lost}."
    )


def _repeated(repeat: Agreement) -> str:
    """How well a ranking by gain agrees with itself: what no other setting can be asked to beat."""
    if repeat.spearman is None:
        return ""
    rho = plain(repeat.spearman, 2)
    return f"The reference against itself with other shuffles has rho {rho} by gain."


def _unconverged(rows: Sequence[SettingRow]) -> str:
    """Where most integrals did not converge the scores are not what their name says."""
    named = [
        f"{setting.method} layer {setting.layer} {setting.baseline}"
        for row in rows
        for setting in [row.setting]
        if row.converged is not None and row.converged < _MOST
    ]
    if not named:
        return ""
    return (
        f"Most integrals did not converge under {', '.join(dict.fromkeys(named))}: what these "
        "settings lose may be the quadrature's."
    )


def _by_method(rows: Sequence[SettingRow]) -> list[str]:
    """Which methods keep or lose the ranking by gain in all their settings."""
    rhos: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        rhos[row.setting.method].append(_rho(row))
    kept = [_span(name, values) for name, values in rhos.items() if min(values) >= SURVIVES]
    lost = [_span(name, values) for name, values in rhos.items() if max(values) < LOST]
    weak = [_span(name, values) for name, values in rhos.items() if LOST <= max(values) < SURVIVES]
    mixed = [
        _span(name, values)
        for name, values in rhos.items()
        if min(values) < SURVIVES <= max(values)
    ]
    named = (
        ("survives in every setting of", kept),
        ("depends on the setting with", mixed),
        ("is weakened at best with", weak),
    )
    lines = [f"By gain it {what}: {', '.join(names)}." for what, names in named if names]
    if lost:
        lines.append(f"By gain it does not survive in any setting of: {', '.join(lost)}.")
    return lines


def _span(name: str, rhos: Sequence[float]) -> str:
    if len(rhos) == 1:
        return f"{name} (rho {plain(rhos[0], 2)})"
    low, high, middle = (plain(value, 2) for value in (min(rhos), max(rhos), median(rhos)))
    return f"{name} (rho {low} to {high}, median {middle})"


def _rho(row: SettingRow) -> float:
    """Rho by gain; a setting with nothing to rank counts as 0."""
    rho = row.by_gain.spearman if row.by_gain is not None else None
    return 0.0 if rho is None else rho


def _one_change(reference: SettingRow, rows: Sequence[SettingRow]) -> str:
    """The settings that differ from the reference in one thing."""
    alone = [
        f"{changed} {plain(_rho(row), 2)}"
        for row in rows
        if (changed := _only_change(reference.setting, row.setting))
    ]
    return f"One change from the reference, rho by gain: {', '.join(alone)}." if alone else ""


def _only_change(reference: Setting, other: Setting) -> str | None:
    """What alone was changed ("layer 4"); None where it is more. A baseline that is not there is
    no change of its own: it comes with the method.
    """
    changed = [
        f"{part.name} {getattr(other, part.name)}"
        for part in fields(Setting)
        if getattr(other, part.name) not in (None, getattr(reference, part.name))
    ]
    return changed[0] if len(changed) == 1 else None


def _without_attributions(embeddings: SettingRow) -> str:
    rho = embeddings.by_ems.spearman
    if rho is None:
        return ""
    sentence = f"Equal masses, which know no attribution, rank by EMS with rho {plain(rho, 2)}"
    if rho >= SURVIVES:
        return f"{sentence}: agreement by EMS need not come from the attributions."
    if rho >= LOST:
        return f"{sentence}: that much of the agreement by EMS is the embeddings'."
    return f"{sentence}: the embeddings alone do not give this ranking."


def _of_pairs(reference: SettingRow, rows: Sequence[SettingRow]) -> str:
    pairs = len(reference.pair_ems)
    if pairs < 2:
        return ""
    same = [
        sum(_order(values(row)) == _order(values(reference)) for row in rows)
        for values in (lambda row: row.pair_ems, lambda row: row.pair_gain)
    ]
    return (
        f"The order of the {pairs} language pairs is the reference's in {same[0]} of {len(rows)} "
        f"other settings by EMS and in {same[1]} by gain."
    )


def _order(values: dict[str, float]) -> list[str]:
    return sorted(values, key=lambda name: -values[name])
