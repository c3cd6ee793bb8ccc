"""Matches the labels of data with a model's classes: the one place where the two meet.

All labels of the data are looked at together, in this order:

1. By name. Names are the same that differ in case, spaces, dashes and underscores only, and those
   that are declared to mean the same (`_SYNONYMS`).
2. By number. Labels that are exactly the integers 0 to n - 1 are the numbers of a model's n classes
   (transformers' `label2id`: the number of a class is its place among the logits). Not where the
   classes are those of public data sets that number them in another order (`_ORDERS`): a file may
   follow either, and nothing tells which. Nor where the classes' names are numbers.
3. Else nothing is certain, and the data is refused with both sets.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from ccta_core.corpus.items import Item
from ccta_core.errors import CctaError
from ccta_core.types import ParallelExample

CLASSES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "nli": ("entailment", "neutral", "contradiction"),
        "paraphrase": ("different", "paraphrase"),
    }
)
"""Task -> its classes, in the order of `_ORDERS`."""
_ORDERS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "SNLI, MultiNLI and XNLI": CLASSES["nli"],
        "MRPC, QQP and PAWS-X": CLASSES["paraphrase"],
        "RTE and QNLI": ("entailment", "not_entailment"),
        "SST-2": ("negative", "positive"),
        "TweetEval": ("negative", "neutral", "positive"),
    }
)
"""Public data sets -> their classes from number 0 on, by the names of `key_of`."""
_SYNONYMS = {
    **dict.fromkeys(("contradictory",), "contradiction"),
    **dict.fromkeys(("non_entailment", "notentailment"), "not_entailment"),
    **dict.fromkeys(
        ("equivalent", "semantically_equivalent", "duplicate", "is_paraphrase", "is_duplicate"),
        "paraphrase",
    ),
    **dict.fromkeys(
        (
            *("not_paraphrase", "non_paraphrase", "not_a_paraphrase", "not_duplicate"),
            *("not_equivalent", "not_semantically_equivalent", "non_equivalent", "non_duplicate"),
        ),
        "different",
    ),
}
"""A name as `key_of` folds it -> the name that this project has for it."""
_TYPES = {
    "person": "per", "location": "loc", "organization": "org", "organisation": "org",
}  # fmt: skip
"""Types of names that are called otherwise elsewhere."""
_NUMBER = re.compile(r"[+-]?\d+", re.ASCII)
_SHOWN = 8


def key_of(label: str) -> str:
    """Returns a key that the names of one class share."""
    folded = re.sub(r"[\s_-]+", "_", label.strip().casefold())
    return _SYNONYMS.get(folded, folded)


def is_number(label: str) -> bool:
    """Returns whether a label is a number, whose meaning only a declaration tells."""
    return _NUMBER.fullmatch(label) is not None


def nli_label(label: str, place: str) -> str:
    """Returns the label as one of the classes of natural language inference, whatever its case.

    Raises CctaError, naming the place, on any other.
    """
    folded = key_of(label)
    if folded not in CLASSES["nli"]:
        raise CctaError(
            f"{place}: unknown label {label!r}, expected one of: {', '.join(CLASSES['nli'])}"
        )
    return folded


def match_labels(
    labels: Iterable[str], classes: Sequence[str], *, data: str, model: str
) -> dict[str, str]:
    """Maps every label of the data to a class of the model, by the rules above.

    `data` and `model` name both in messages. Raises CctaError, showing both sets, where one label
    is not certainly one of the classes.
    """
    distinct = sorted(set(labels), key=_order)
    by_name = {label: class_of(label, classes) for label in distinct}
    named = {label: name for label, name in by_name.items() if name is not None}
    if len(named) == len(distinct):
        return named
    numbers = sorted(int(label) for label in distinct if is_number(label))
    if len(classes) > 1 and numbers == list(range(len(classes))) and len(distinct) == len(classes):
        return _by_number(distinct, classes, data=data, model=model)
    unknown = [label for label in distinct if label not in named]
    raise CctaError(
        f"{data} has the labels {_listed(distinct)}; {model} has {_classes_in_words(classes)}: "
        f"{_listed(unknown)} {'is' if len(unknown) == 1 else 'are'} not certainly among them; "
        "choose a model made for this data, or write the model's names into the data"
    )


def class_of(
    label: str, classes: Sequence[str], mapping: Mapping[str, str] | None = None
) -> str | None:
    """Returns the class that one label names, by `mapping` or by name; None where that is not
    certain.
    """
    if mapping and mapping.get(label) in classes:
        return mapping[label]
    if label in classes:
        return label
    fitting = [name for name in classes if key_of(name) == key_of(label)]
    return fitting[0] if len(fitting) == 1 else None


def gold_class(label: str | None, classes: Sequence[str], *, item: str, model: str) -> str:
    """Returns the class that an item's gold label names.

    Raises CctaError, showing both, where it names none with certainty.
    """
    name = None if label is None else class_of(label, classes)
    if name is None:
        raise CctaError(
            f"item {item} has the gold label {label!r}, {model} knows: {', '.join(classes)}; "
            "explain the predicted class in its place"
        )
    return name


def match_tags(
    tags: Iterable[str], columns: Sequence[str], *, data: str, model: str
) -> dict[str, str]:
    """Maps every tag of the data to a tag of the model, both IOB2. Types of names that differ in
    case are the same, and so are PERSON and PER.

    Raises CctaError, showing both sets, on a type of names that the model does not have: none of
    those could ever be found. A type that the data lacks is no obstacle.
    """
    types = {type_of(column): None for column in columns if type_of(column)}
    matched: dict[str, str] = {}
    unknown: dict[str, None] = {}
    tags = sorted(set(tags))
    for tag in tags:
        entity_type = type_of(tag)
        fitting = (
            [entity_type]
            if entity_type in types
            else [name for name in types if _same_type(name, entity_type)]
        )
        if not entity_type:
            matched[tag] = tag
        elif len(fitting) == 1:
            matched[tag] = f"{tag[:2]}{fitting[0]}"
        else:
            unknown[entity_type] = None
    if unknown:
        data_types = sorted({type_of(tag) for tag in tags} - {""})
        raise CctaError(
            f"{data} tags names of the types {_listed(data_types)}; {model} knows "
            f"{_listed(list(types)) or 'none'}: {_listed(sorted(unknown))} can't be found by it; "
            "choose a model made for this data, or leave these names untagged"
        )
    return matched


def type_of(tag: str) -> str:
    """Returns the type of names of an IOB2 tag, empty outside of names."""
    return tag[2:] if tag[:2] in ("B-", "I-") else ""


def changed(mapping: Mapping[str, str]) -> dict[str, str]:
    """Returns the entries of a mapping whose two names differ."""
    return {label: name for label, name in mapping.items() if label != name}


def in_words(mapping: Mapping[str, str]) -> str:
    """Writes a mapping as a person reads it: "0 = entailment, 1 = neutral"."""
    return ", ".join(f"{label} = {name}" for label, name in mapping.items())


def relabel_items(items: Iterable[Item], mapping: Mapping[str, str]) -> list[Item]:
    """Returns the items with the model's names for their labels and tags."""
    if not changed(mapping):
        return list(items)
    return [
        replace(
            item,
            label=item.label if item.label is None else mapping.get(item.label, item.label),
            tags=tuple(mapping.get(tag, tag) for tag in item.tags),
        )
        for item in items
    ]


def relabel_examples(
    examples: Iterable[ParallelExample], mapping: Mapping[str, str]
) -> list[ParallelExample]:
    """Returns the examples with the model's names for their labels."""
    return [
        example
        if example.label is None or example.label not in mapping
        else replace(example, label=mapping[example.label])
        for example in examples
    ]


def _by_number(
    labels: Sequence[str], classes: Sequence[str], *, data: str, model: str
) -> dict[str, str]:
    """Maps numbers to the classes at these places. Raises CctaError where another order is as
    likely.
    """
    mapping = {label: classes[int(label)] for label in labels}
    if any(is_number(name) for name in classes):
        raise CctaError(
            f"{data} has the labels {_listed(labels)}; {model} has {_classes_in_words(classes)}: "
            "names or places, nothing tells which; write the model's names into the data"
        )
    keys = [key_of(name) for name in classes]
    for sets, usual in _ORDERS.items():
        if sorted(keys) == sorted(usual) and keys != list(usual):
            public = {str(number): name for number, name in enumerate(usual)}
            raise CctaError(
                f"{data} has the labels {_listed(labels)}; by the model {model} they are "
                f"{in_words(mapping)}, as in {sets} {in_words(public)}: nothing tells which; write "
                "the names into the data"
            )
    return mapping


def _same_type(first: str, second: str) -> bool:
    keys = [name.casefold() for name in (first, second)]
    return _TYPES.get(keys[0], keys[0]) == _TYPES.get(keys[1], keys[1])


def _order(label: str) -> tuple[bool, int, str]:
    """Returns a sort key: numbers in their order, before names."""
    return (not is_number(label), int(label) if is_number(label) else 0, label)


def _classes_in_words(classes: Sequence[str]) -> str:
    return f"the classes {_listed(classes)}" if classes else "no classes"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(name if name else "''" for name in names[:_SHOWN]) + more
