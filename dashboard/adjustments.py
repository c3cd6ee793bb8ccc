"""What a process keeps of the experiment on adjustment: tables, items, demo items, words."""

from collections.abc import Hashable
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from ccta_core.stamps import file_stamp, folder_stamp

if TYPE_CHECKING:
    import pandas as pd

    from ccta_core.adjustment.demo import DemoPair

_HELD = 16
_PAIRS_HELD = 200


def tables() -> "dict[str, pd.DataFrame]":
    """The tables of the experiment on adjustment but its items; not to be changed.

    Raises CctaError where there are none.
    """
    from ccta_core.adjustment.tables import tables_folder

    folder = tables_folder()
    return _read_tables(str(folder), folder_stamp(folder))


def items(lang: str, task: str, eval_lang: str) -> "pd.DataFrame":
    """What the arms of a language made of a task's items in `eval_lang`; not to be changed."""
    from ccta_core.adjustment.tables import ITEMS, tables_folder

    folder = tables_folder()
    stamp = file_stamp(folder / f"{ITEMS}.parquet")
    return _read_items(str(folder), stamp, lang, task, eval_lang)


def arms(lang: str, task: str, item: str) -> "dict[str, DemoPair | None]":
    """A demo item in every arm of a language, None where an arm was not run; not to be changed."""
    from ccta_core.adjustment.demo import FOLDER
    from ccta_core.adjustment.tables import tables_folder

    folder = tables_folder()
    return _read_arms(str(folder), folder_stamp(folder / FOLDER), lang, task, item)


def words(lang: str) -> "pd.DataFrame":
    """The linked words of demo items in every arm of a language; not to be changed.

    Raises CctaError where they can't be read.
    """
    from ccta_core.adjustment.demo import FOLDER
    from ccta_core.adjustment.tables import tables_folder

    folder = tables_folder()
    return _read_words(str(folder), folder_stamp(folder / FOLDER), lang)


@st.cache_data(show_spinner="Counting the sentence pairs", max_entries=_HELD, ttl=600)
def parallel_pairs(spec: str, lang: str) -> int:
    """How many sentence pairs parallel text has. Raises CctaError where it can't be read."""
    from ccta_core.adjustment.parallel import read_parallel

    return len(read_parallel((spec,), lang).pairs)


@st.cache_resource(show_spinner=False, max_entries=1)
def _read_tables(folder: str, files: Hashable) -> "dict[str, pd.DataFrame]":
    del files
    from ccta_core.adjustment.tables import read_tables

    return read_tables(Path(folder))


@st.cache_resource(show_spinner=False, max_entries=_HELD)
def _read_items(
    folder: str, files: Hashable, lang: str, task: str, eval_lang: str
) -> "pd.DataFrame":
    del files
    from ccta_core.adjustment.tables import read_items

    return read_items(Path(folder), lang, task, eval_lang)


@st.cache_resource(show_spinner=False, max_entries=_PAIRS_HELD)
def _read_arms(
    folder: str, files: Hashable, lang: str, task: str, item: str
) -> "dict[str, DemoPair | None]":
    del files
    from ccta_core.adjustment.demo import read_arms

    return read_arms(Path(folder), task, lang, item)


@st.cache_resource(show_spinner=False, max_entries=_HELD)
def _read_words(folder: str, files: Hashable, lang: str) -> "pd.DataFrame":
    del files
    from ccta_core.adjustment.demo import read_words

    return read_words(Path(folder), lang)
