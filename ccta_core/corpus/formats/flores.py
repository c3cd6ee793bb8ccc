"""FLORES-200 devtest (NLLB Team, 2022): 1,012 sentences, line-parallel, one file a language."""

from pathlib import Path

from ccta_core.errors import CctaError

FLORES_CODES = {
    "ar": "arb_Arab",
    "bg": "bul_Cyrl",
    "bn": "ben_Beng",
    "cs": "ces_Latn",
    "de": "deu_Latn",
    "el": "ell_Grek",
    "en": "eng_Latn",
    "es": "spa_Latn",
    "fa": "pes_Arab",
    "fi": "fin_Latn",
    "fr": "fra_Latn",
    "hi": "hin_Deva",
    "id": "ind_Latn",
    "it": "ita_Latn",
    "ja": "jpn_Jpan",
    "ko": "kor_Hang",
    "pl": "pol_Latn",
    "pt": "por_Latn",
    "ru": "rus_Cyrl",
    "sw": "swh_Latn",
    "ta": "tam_Taml",
    "th": "tha_Thai",
    "tr": "tur_Latn",
    "ur": "urd_Arab",
    "vi": "vie_Latn",
    "zh": "zho_Hans",
}
LICENCE = "CC BY-SA 4.0"


def read_flores(folder: Path, lang: str) -> list[str]:
    """Returns the sentences of one language, in the order shared by all.

    Raises CctaError where the language or its file is missing.
    """
    if lang not in FLORES_CODES:
        raise CctaError(f"FLORES-200 devtest is not known for {lang!r}: {' '.join(FLORES_CODES)}")
    path = folder / "devtest" / f"{FLORES_CODES[lang]}.devtest"
    try:
        return path.read_text(encoding="utf-8").strip("\n").split("\n")
    except OSError as error:
        raise CctaError(f"expected FLORES-200 at {path} ({error.strerror})") from error
