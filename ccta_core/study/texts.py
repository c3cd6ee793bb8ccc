"""The texts of a study's items: from its own folder, else from its data where that is at hand."""

from collections.abc import Collection, Sequence

from ccta_core.errors import CctaError, DamagedFileError
from ccta_core.study.items import FILE, read_items_of
from ccta_core.study.selection import first, selected
from ccta_core.study.table import Study
from ccta_core.types import ParallelExample


def has_texts(study: Study) -> bool:
    """Whether the texts lie in the study's own folder: any few of them are read at once."""
    return (study.folder / FILE).exists()


def examples_of(study: Study, ids: Collection[str] | None = None) -> dict[str, ParallelExample]:
    """The study's items by id, in the study's order; all, or those of `ids` that it has.

    Raises CctaError, saying which data is missing and how to get it, where the texts are neither
    in the study's folder nor to be read again.
    """
    if has_texts(study):
        return {example.id: example for example in _kept(study, ids)}
    return {
        example.id: example for example in _read_again(study) if ids is None or example.id in ids
    }


def ids_of(study: Study) -> tuple[str, ...]:
    """The ids of the study's items in order. Raises as `examples_of` does."""
    if has_texts(study):
        return tuple(_ids(study))
    return tuple(example.id for example in _read_again(study))


def _kept(study: Study, ids: Collection[str] | None) -> list[ParallelExample]:
    if ids is None:
        return read_items_of(study.folder, 0, study.plan.items)
    wanted = set(ids)
    places = [at for at, name in enumerate(_ids(study)) if name in wanted]
    return [
        example
        for start, count in _runs(places)
        for example in read_items_of(study.folder, start, count)
    ]


def _runs(places: Sequence[int]) -> list[tuple[int, int]]:
    """(start, count) of every run of neighbours."""
    runs: list[tuple[int, int]] = []
    for place in places:
        if runs and place == sum(runs[-1]):
            runs[-1] = (runs[-1][0], runs[-1][1] + 1)
        else:
            runs.append((place, 1))
    return runs


def _ids(study: Study) -> list[str]:
    """The column of ids alone: the texts stay on disk."""
    import pyarrow as pa

    path = study.folder / FILE
    try:
        with pa.memory_map(str(path)) as mapped:
            return pa.ipc.open_file(mapped).read_all().column("id").to_pylist()
    except (OSError, pa.ArrowInvalid, KeyError) as error:
        raise DamagedFileError(
            f"{path} can't be read ({error}); start the study again under the same name"
        ) from error


def _read_again(study: Study) -> tuple[ParallelExample, ...]:
    """The items from the study's data set, if it still is the one that was measured."""
    plan = study.plan
    try:
        corpus = selected(
            plan.data, plan.languages,
            limit=plan.items + plan.left_out, per_group=plan.per_group, crop=plan.crop,
        )  # fmt: skip
    except CctaError as error:
        raise CctaError(
            f"the texts of the study {study.name} are not here: its data {plan.data} can't be read "
            f"({error}); get it as `ccta data list` says"
        ) from error
    corpus = first(corpus, plan.items)
    if corpus.sha256 != plan.items_sha256:
        raise CctaError(
            f"the texts of the study {study.name} are not here: {plan.data} holds other items now; "
            "put back the data it was measured on, or run the study again"
        )
    return corpus.examples
