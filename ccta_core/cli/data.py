"""`ccta data`: which data sets can be read by name, and what a spec holds."""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

from ccta_core.cli.write import write_text
from ccta_core.corpus.catalogue import data_sets
from ccta_core.corpus.items import Item, LeftOut, by_line, places_by_reason
from ccta_core.corpus.spec import Corpus, Scan, read_corpus, scan
from ccta_core.errors import CctaError

_SHOWN = 3
"""Places that are shown for each reason."""
_REASONS = 10
_LINES = 20
"""Places that are shown with their reason."""


def add(commands: argparse._SubParsersAction) -> None:
    """Declares `data list` and `data check`."""
    parser = commands.add_parser(
        "data", help="list the data sets, or check what a spec holds", epilog="ccta data list"
    )
    actions = parser.add_subparsers(required=True, metavar="list|check")
    listing = actions.add_parser(
        "list", help="every data set that is read by name", epilog="ccta data list --json"
    )
    listing.add_argument("--json", action="store_true", help="rows as JSON")
    listing.set_defaults(run=_list)
    check = actions.add_parser(
        "check",
        help="count a spec's items, and say what is left out and why",
        description="SPEC is NAME[:WHERE][#SPLIT]: WHERE is a folder, a data set on the hub "
        "(owner/name@revision), a part of the bundled corpus (demo:nli) or a file "
        "(file:mine.csv).",
        epilog="ccta data check xnli#dev --langs en es, or: ccta data check file:mine.csv --json",
    )
    check.add_argument("spec", metavar="SPEC")
    check.add_argument("--langs", nargs="+", metavar="LANG", help="default: all there are")
    check.add_argument("--limit", type=int, help="the first so many items of each language")
    check.add_argument("--json", action="store_true", help="everything as JSON")
    check.set_defaults(run=_check)


_FILE: dict[str, Any] = {
    "name": "file:PATH",
    "what": "a csv, tsv, jsonl or parquet file: columns id, lang, text ..., or a column a language",
    "task": None,
    "splits": [],
    "folder": None,
    "present": True,
    "licence": None,
}


def _list(options: argparse.Namespace) -> None:
    sets = [
        {name: getattr(data_set, name) for name in _FILE} | {"splits": list(data_set.splits)}
        for data_set in data_sets()
    ]
    rows = [*sets, _FILE]
    if options.json:
        write_text("-", json.dumps(rows, ensure_ascii=False, indent=1) + "\n")
        return
    for row in rows:
        splits = f" #{' #'.join(row['splits'])}" if row["splits"] else ""
        sys.stdout.write(f"{row['name']:<15} {row['what']}\n")
        if row["folder"]:
            place = row["folder"] if row["present"] else f"{row['folder']} (not there)"
            sys.stdout.write(f"{'':<15} {place}{splits}; {row['licence']}\n")


def _check(options: argparse.Namespace) -> None:
    langs = None
    if options.langs:
        langs = [lang for word in options.langs for lang in word.split(",") if lang]
    scanned = scan(options.spec, langs, limit=options.limit)
    aligned = _aligned(options, scanned)
    if options.json:
        payload = _payload(options.spec, scanned, aligned)
        write_text("-", json.dumps(payload, ensure_ascii=False, indent=1) + "\n")
        return
    write_text("-", _text(scanned, aligned))


class _Aligned(NamedTuple):
    """The languages' parallel examples, or why there are none; neither of one language alone."""

    corpus: Corpus | None = None
    reason: str | None = None


def _aligned(options: argparse.Namespace, scanned: Scan) -> _Aligned:
    if len(scanned.languages) < 2:
        return _Aligned()
    try:
        return _Aligned(read_corpus(options.spec, scanned.languages, limit=options.limit))
    except CctaError as error:
        return _Aligned(reason=str(error))


def _counts(items: Sequence[Item]) -> dict[str, Any]:
    labels = Counter(item.label for item in items if item.label is not None)
    tags = Counter(tag[2:] for item in items for tag in item.tags if tag.startswith("B-"))
    return {
        "items": len(items),
        "groups": len({item.group for item in items}),
        **({"labels": dict(sorted(labels.items()))} if labels else {}),
        **({"entities": dict(sorted(tags.items()))} if tags else {}),
        **({"answers": answers} if (answers := sum(len(item.answers) for item in items)) else {}),
    }


def _by_language(scanned: Scan) -> dict[str, dict[str, Any]]:
    items: dict[str, list[Item]] = {lang: [] for lang in scanned.languages}
    for item in scanned.reading.items:
        items[item.lang].append(item)
    return {lang: _counts(of_language) for lang, of_language in items.items()}


def _payload(spec: str, scanned: Scan, aligned: _Aligned) -> dict[str, Any]:
    corpus = aligned.corpus
    left_out = corpus.left_out if corpus else scanned.reading.left_out
    repaired = corpus.repaired if corpus else scanned.repaired
    return {
        "spec": spec,
        "source": scanned.source,
        "task": scanned.task,
        "split": scanned.split,
        "licence": scanned.licence,
        "sha256": scanned.sha256,
        "languages": _by_language(scanned),
        "aligned": {"examples": len(corpus.examples), "sha256": corpus.sha256} if corpus else None,
        "not_aligned": aligned.reason,
        "left_out": [{"place": row.place, "reason": row.reason} for row in left_out],
        "repaired": [{"place": row.place, "reason": row.reason} for row in repaired],
    }


def _text(scanned: Scan, aligned: _Aligned) -> str:
    corpus = aligned.corpus
    lines = [f"{scanned.source}#{scanned.split}: {scanned.task}; {scanned.licence}"]
    for lang, counts in _by_language(scanned).items():
        more = [
            ", ".join(f"{name} {count}" for name, count in counts[kind].items())
            for kind in ("labels", "entities")
            if kind in counts
        ]
        answers = [f"{counts['answers']} answers"] if "answers" in counts else []
        details = "; ".join([f"{counts['groups']} groups", *more, *answers])
        lines.append(f"{lang}  {counts['items']} items; {details}")
    if corpus:
        lines.append(f"in all {len(corpus.languages)} languages: {len(corpus.examples)} items")
    elif aligned.reason:
        lines.append(f"not aligned: {aligned.reason}")
    left_out = corpus.left_out if corpus else scanned.reading.left_out
    lines += [*_reasons("left out", left_out), *_lines(left_out)]
    lines += _reasons("repaired", corpus.repaired if corpus else scanned.repaired)
    lines.append(f"sha256 of the item ids: {(corpus or scanned).sha256}")
    return "\n".join(lines) + "\n"


def _reasons(what: str, rows: Sequence[LeftOut]) -> list[str]:
    """Returns how many, and for each reason how many and where the first ones stand."""
    places = places_by_reason(rows)
    lines = [f"{what}: {len(rows)}"]
    for reason, of_reason in list(places.items())[:_REASONS]:
        more = ", ..." if len(of_reason) > _SHOWN else ""
        lines.append(f"  {len(of_reason)} x {reason} ({', '.join(of_reason[:_SHOWN])}{more})")
    if len(places) > _REASONS:
        lines.append(f"  and {len(places) - _REASONS} other reasons: --json lists every place")
    return lines


def _lines(rows: Sequence[LeftOut]) -> list[str]:
    """Returns the first places in file order, each with why it is left out."""
    if not rows:
        return []
    shown = by_line(rows)[:_LINES]
    width = max(len(row.place) for row in shown)
    lines = ["left out by line:", *(f"  {row.place:<{width}}  {row.reason}" for row in shown)]
    if len(rows) > _LINES:
        lines.append(f"  and {len(rows) - _LINES} more: --json lists them all")
    return lines
