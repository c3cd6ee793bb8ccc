"""MUSE bilingual dictionaries (Conneau et al., 2018) as `en-XX.dict`: `foreign @ english`."""

from pathlib import Path

from ccta_core.errors import CctaError

LICENCE = "CC BY-NC 4.0"
LANGUAGES = ("ar", "bn", "de", "es", "fr", "hi", "ru", "tr", "vi", "zh")


def read_dictionary(folder: Path, lang: str) -> dict[str, list[str]]:
    """Maps each English word to its translations, in the file's order, frequent words first.

    Raises CctaError where the language or its file is missing.
    """
    if lang not in LANGUAGES:
        raise CctaError(f"no MUSE dictionary is known for {lang!r}: {' '.join(LANGUAGES)}")
    path = folder / f"en-{lang}.dict"
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise CctaError(f"expected a MUSE dictionary at {path} ({error.strerror})") from error
    words: dict[str, list[str]] = {}
    for line in lines:
        foreign, mark, english = line.partition(" @ ")
        if mark and foreign.strip() and english.strip():
            words.setdefault(english.strip(), []).append(foreign.strip())
    return words
