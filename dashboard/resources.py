"""What a process keeps: models, the engine, items, studies (and in adjustments.py); no others."""

import sys
import threading
from collections.abc import Callable, Hashable, Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar

import streamlit as st
from streamlit import runtime

from ccta_core.corpus.catalogue import DataSet, data_sets, items_of
from ccta_core.corpus.demo import DEMO_PARTS, read_demo
from ccta_core.corpus.resolve import data_stamp, open_spec
from ccta_core.corpus.spec import Corpus
from ccta_core.corpus.uploads import UploadContents, keep, kept_name, uploads
from ccta_core.errors import CctaError
from ccta_core.faithfulness.curves import CurvesOf, PairCurves
from ccta_core.models.added import CHANGED, added, available_models
from ccta_core.models.catalog import BACKBONE, ModelInfo, find
from ccta_core.permissions import person
from ccta_core.projection.places import Places, PlacesOf
from ccta_core.result import PairResult
from ccta_core.stamps import file_stamp
from ccta_core.store.pairs import find_pair, results_stamp
from ccta_core.study.cost import Pace, pace_here
from ccta_core.study.manifest import names
from ccta_core.study.run.status import StudyStatus, statuses
from ccta_core.study.selection import select_items
from ccta_core.study.storage.items import FILE
from ccta_core.study.storage.table import Study, open_study
from ccta_core.study.storage.texts import containing, examples_of, has_texts, ids_of
from ccta_core.types import ParallelExample
from ccta_core.zoo.lesson import Lesson, LessonOf, read_lesson
from ccta_core.zoo.pulling import Pulling, read_pulling
from dashboard.engine import Engine
from dashboard.import_gate import GATE
from dashboard.jobs import Early, Predicted, Stop
from dashboard.views.pair.view import Options, PairRequest
from dashboard.views.studies.tables import DataFacts

if TYPE_CHECKING:
    import pandas as pd

Answer = TypeVar("Answer")
FLOWS_OF = "e5-small/nli-en"
"""The model whose comparisons of demo items ship (`research.zoo.precompute`)."""
_MODELS_HELD = 2
_STUDIES_HELD = 4
_ANSWERS_HELD = 200
_TEXTS_HELD = 16
_CORPORA_HELD = 2
_REFRESHED_AFTER = 60.0
"""Seconds after which the machine's pace and the data folder are looked at again."""
_WARM_AFTER = 1.5
"""Seconds after a page was shown: the first paint has the processor to itself."""


def options() -> Options:
    """The models that have a task head, and the items of the demo."""
    models = {name: info for name, info in available_models().items() if info.labels}
    parts = {task: _items(part) for task, part in DEMO_PARTS.items()}
    items = {name: item for part in parts.values() for name, item in part.items()}
    return Options(models, items, {task: tuple(part) for task, part in parts.items()})


def changed_model_notices(wanted: Mapping[str, str]) -> list[str]:
    """A notice where a model is asked for whose files changed since it was added."""
    info = added().get(wanted.get("model", ""))
    return [f"{info.card[CHANGED]}."] if info is not None and CHANGED in info.card else []


def find_stored(request: PairRequest) -> PairResult | None:
    """A result that was computed before; needs no model."""
    return find_pair(request.model, request.source, request.target, request.config)


@st.cache_resource(show_spinner=False)
def warm(_info: ModelInfo) -> None:
    """Has the engine load a model soon, in the background; once in a process."""
    later = threading.Timer(_WARM_AFTER, engine().warm, (_info,))
    later.daemon = True
    later.start()


@st.cache_resource(show_spinner=False)
def engine() -> Engine:
    """The one engine of this process."""
    return Engine(
        load=_load_model,
        compare=_compare,
        compare_many=_compare_many,
        further={CurvesOf: _curves, PlacesOf: _places, LessonOf: _lesson},
        is_present=_is_connected,
    )


def _is_connected(session: str) -> bool:
    """Whether a session's page is open somewhere: its browser is connected."""
    return not runtime.exists() or runtime.get_instance().is_active_session(session)


def studies() -> list[str]:
    """The names of the studies here, the user's and those that ship."""
    return names()


def read_study(name: str) -> Study:
    """A study's manifest and folder, read anew: a run may have gone on.

    Raises CctaError where there is none of this name, or it can't be read.
    """
    return open_study(name)


def count_parts(study: Study) -> tuple[int, int]:
    """Parts of a study that are there, of how many; looked at again when their number changes."""
    return _count_parts(str(study.folder), study.stamp, study)


def computed(study: Study, question: Callable[..., Answer], *details: Any) -> Answer:
    """What `question(study, *details)` finds, kept until the study has other rows.

    `question` is a module's function, `details` are plain values or frozen dataclasses of them.
    """
    name = f"{question.__module__}.{question.__qualname__}"
    return _computed(str(study.folder), study.stamp, name, details, study, question)


def backbone() -> ModelInfo:
    """The backbone that the zoo's models share; its card has sentence retrieval by layer."""
    return find(BACKBONE)


def flows() -> "pd.DataFrame":
    """Where the mass goes in finished comparisons of demo items, English to others, by FLOWS_OF.

    What ships, and what this reader computed under the same settings; needs no model.
    """
    info = find(FLOWS_OF)
    return _demo_flows(info.id, info.revision, results_stamp())


def text_ids(name: str) -> tuple[str, ...]:
    """The ids of a study's items in order. Raises CctaError where its texts are not here."""
    study = read_study(name)
    return _item_ids(str(study.folder), _texts_version(study), study)


def texts(name: str, ids: Sequence[str]) -> dict[str, ParallelExample]:
    """Some items of a study by id, those it has. Raises CctaError where its texts are not here."""
    study = read_study(name)
    if has_texts(study):
        return _some_texts(str(study.folder), _texts_version(study), tuple(ids), study)
    whole = _read_texts(str(study.folder), _texts_version(study), study)
    return {item_id: whole[item_id] for item_id in ids if item_id in whole}


def find_places(name: str, text: str, langs: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """(language, id) of a study's texts that hold a text, whatever the case.

    Raises CctaError where its texts are not here.
    """
    study = read_study(name)
    return _find_places(str(study.folder), _texts_version(study), text, tuple(langs), study)


def _texts_version(study: Study) -> str:
    """A key that changes whenever a study's texts may have changed; their ids need not change."""
    stamps = (
        file_stamp(study.folder / FILE) if has_texts(study) else data_stamp(study.manifest.data)
    )
    return repr((study.manifest, stamps))


def study_states() -> list[StudyStatus]:
    """What each study is doing, read from disk now."""
    return statuses()


@st.cache_data(show_spinner=False, ttl=_REFRESHED_AFTER, max_entries=1)
def pace() -> Pace | None:
    """How fast this machine was in earlier studies."""
    return pace_here()


@st.cache_data(show_spinner=False, ttl=_REFRESHED_AFTER, max_entries=1)
def data() -> list[DataSet]:
    """Everything that can be read by name, and whether it is here."""
    return data_sets()


def item_counts(sets: tuple[DataSet, ...]) -> dict[str, dict[str, int]]:
    """Name -> split -> items, of data that is here."""
    return {data_set.name: _count_items(data_set, data_stamp(data_set.name)) for data_set in sets}


def data_facts(spec: str) -> DataFacts:
    """What data is about and its languages. Raises CctaError where it can't be read."""
    return _data_facts(spec, data_stamp(spec))


def corpus(
    spec: str, languages: tuple[str, ...], per_group: int | None, crop: int | None
) -> Corpus:
    """All that a study without a limit would measure (`ccta_core.study.selection`).

    Raises CctaError where it can't be read or cut.
    """
    return _corpus(spec, data_stamp(spec), languages, per_group, crop)


def receive_upload(name: str, content: bytes) -> UploadContents:
    """Keeps a file and says what it holds; the same file is read once.

    Raises CctaError where it is no parallel text, or too large: then it is not kept.
    """
    kept = kept_name(name, content)
    file = (person().key, kept, name, content)
    contents = _receive_upload(*file)
    if kept in uploads():
        return contents
    _receive_upload.clear(*file)  # it was deleted since
    return _receive_upload(*file)


@st.cache_data(show_spinner="Counting the items", max_entries=_ANSWERS_HELD)
def _count_items(data_set: DataSet, files: Hashable) -> dict[str, int]:
    del files
    return items_of(data_set)


@st.cache_data(show_spinner="Looking at the data", max_entries=_ANSWERS_HELD)
def _data_facts(spec: str, files: Hashable) -> DataFacts:
    del files
    data_set = open_spec(spec)
    return DataFacts(data_set.task, data_set.languages(), data_set.paired)


@st.cache_resource(show_spinner="Reading the data", max_entries=_CORPORA_HELD)
def _corpus(
    spec: str,
    files: Hashable,
    languages: tuple[str, ...],
    per_group: int | None,
    crop: int | None,
) -> Corpus:
    del files
    if crop is not None:
        _import_alone("ccta_core.models.embedded")
    return select_items(spec, languages, per_group=per_group, crop=crop)


@st.cache_data(show_spinner="Looking through the file", max_entries=_ANSWERS_HELD)
def _receive_upload(owner: str, kept: str, _name: str, _content: bytes) -> UploadContents:
    return keep(_name, _content)


@st.cache_resource(show_spinner=False)
def pulling() -> Pulling:
    """What an adjustment did to the lesson's sentence, measured before; needs no model.

    Raises DamagedFileError where its file is missing or damaged.
    """
    return read_pulling()


@st.cache_resource(show_spinner=False)
def lesson() -> Lesson:
    """The sentence of the page Learn, measured before; needs no model.

    Raises DamagedFileError where its file is missing or damaged.
    """
    return read_lesson()


@st.cache_data(show_spinner=False, max_entries=1)
def _demo_flows(model: str, revision: str, kept: Hashable) -> "pd.DataFrame":
    del revision, kept
    from ccta_core.config import Config
    from dashboard.views.languages.tables import rank_flows

    info = find(model)
    comparisons = [
        (item.id, item.group, result)
        for item in _items(DEMO_PARTS[info.task]).values()
        for lang, sentence in item.sentences.items()
        if lang != "en"
        and (result := find_pair(info, item.sentences["en"], sentence, Config())) is not None
    ]
    return rank_flows(comparisons)


@st.cache_data(show_spinner=False, max_entries=_ANSWERS_HELD)
def _count_parts(folder: str, mark: str, _study: Study) -> tuple[int, int]:
    return _study.done


@st.cache_data(show_spinner=False, max_entries=_ANSWERS_HELD)
def _computed(
    folder: str,
    mark: str,
    name: str,
    details: tuple[Any, ...],
    _study: Study,
    _question: Callable[..., Any],
) -> Any:
    return _question(_study, *details)


@st.cache_resource(show_spinner=False, max_entries=_STUDIES_HELD)
def _item_ids(folder: str, mark: str, _study: Study) -> tuple[str, ...]:
    return ids_of(_study)


@st.cache_resource(show_spinner=False, max_entries=_TEXTS_HELD)
def _some_texts(
    folder: str, mark: str, ids: tuple[str, ...], _study: Study
) -> dict[str, ParallelExample]:
    return examples_of(_study, ids)


@st.cache_resource(show_spinner=False, max_entries=_STUDIES_HELD)
def _read_texts(folder: str, mark: str, _study: Study) -> dict[str, ParallelExample]:
    return examples_of(_study)


@st.cache_data(show_spinner=False, max_entries=_ANSWERS_HELD)
def _find_places(
    folder: str, mark: str, text: str, langs: tuple[str, ...], _study: Study
) -> tuple[tuple[str, str], ...]:
    return containing(_study, text, langs)


@st.cache_resource(show_spinner=False)
def _items(part: str) -> dict[str, ParallelExample]:
    return {item.id: item for item in read_demo(part)}


def _load_model(info: ModelInfo) -> Any:
    return _cached_model(info.id, info.revision)


def _import_alone(name: str) -> None:
    """Imports a module that brings torch while no page with scipy runs; not inside such a page."""
    if name not in sys.modules:
        with GATE.closed():
            import_module(name)


@st.cache_resource(show_spinner=False, max_entries=_MODELS_HELD)
def _cached_model(model_id: str, revision: str) -> Any:
    """A loaded model of this revision: one whose files change is loaded anew.

    Raises CctaError where they changed since the page was made.
    """
    _import_alone("ccta_core.pipeline")
    from ccta_core.models.load import load_model

    model = load_model(model_id)
    if model.revision != revision:
        raise CctaError(f"the files of {model_id} have just changed: load the page again")
    return model


def _compare(model: Any, request: PairRequest, stop: Stop, early: Early) -> PairResult:
    return _compare_many(model, [request], stop, early)[0]


def _compare_many(
    model: Any, requests: Sequence[PairRequest], stop: Stop, early: Early
) -> list[PairResult]:
    from ccta_core.pipeline import compare_many_cached, predict

    pairs, config = [(each.source, each.target) for each in requests], requests[0].config
    # One more forward pass, a hundredth of the work, answers within a second.
    sides = predict(model, [side for pair in pairs for side in pair], config)
    early([Predicted(*both) for both in zip(sides[::2], sides[1::2], strict=True)])
    people = [each.person for each in requests]
    return compare_many_cached(model, pairs, config, stop, early, people)


def _curves(model: Any, wanted: CurvesOf, stop: Stop, _: Early) -> PairCurves:
    from ccta_core.faithfulness.deletion import measure_curves_cached

    return measure_curves_cached(model, wanted, stop)


def _places(model: Any, wanted: PlacesOf, stop: Stop, _: Early) -> Places:
    from ccta_core.projection.measure import measure_places_cached

    return measure_places_cached(model, wanted, stop)


def _lesson(model: Any, wanted: LessonOf, stop: Stop, early: Early) -> Lesson:
    from ccta_core.zoo.measure_lesson import measure_lesson

    return measure_lesson(model, wanted, stop, early)
