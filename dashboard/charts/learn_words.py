"""The lesson's words and pieces as HTML: colours by the page's style sheet, text escaped."""

from html import escape

import pandas as pd

from ccta_core.text import percent, signed


def pieces_html(table: pd.DataFrame, *, lang: str, rtl: bool, alt: str) -> str:
    """Subwords above, the words they make below, each word's mass as a bar; specials apart.

    `table` is that of `tables.learn.pieces_table`. Columns follow the direction of the script.
    """
    most = float(table["score"].abs().max())
    whole = float(table["word_mass"].max())
    groups = [
        _word(group, lang, most, whole)
        for _, group in table[table["word_position"].notna()].groupby("word_position")
    ]
    specials = table[table["word_position"].isna()]
    rest = "".join(_piece(row.subword, row.score, "", most) for row in specials.itertuples())
    direction = "rtl" if rtl else "ltr"
    return (
        f'<div class="learn-pieces" role="img" aria-label="{escape(alt)}">'
        f'<div class="learn-units" dir="{direction}">{"".join(groups)}</div>'
        f'<div class="learn-apart"><span class="learn-row-of-pieces">{rest}</span>'
        "<span>special tokens: no mass</span></div></div>"
    )


def _word(group: pd.DataFrame, lang: str, most: float, whole: float) -> str:
    first = group.iloc[0]
    pieces = "".join(_piece(row.subword, row.score, lang, most) for row in group.itertuples())
    share = float(first["word_mass"])
    height = 100 * share / whole if whole > 0 else 0
    return (
        '<div class="learn-unit">'
        f'<span class="learn-row-of-pieces">{pieces}</span>'
        f'<span class="learn-joined"><bdi lang="{escape(lang)}">{escape(str(first["word"]))}</bdi>'
        f'<b dir="ltr">{signed(float(first["word_score"]))}</b></span>'
        f'<span class="learn-mass-bar"><i style="height:{height:.1f}%"></i></span>'
        f'<span class="learn-share" dir="ltr">{percent(share)}</span></div>'
    )


def _piece(text: str, score: float, lang: str, most: float) -> str:
    strength = round(100 * abs(score) / most) if most > 0 else 0
    kind = "against" if score < 0 else "for"
    attribute = f' lang="{escape(lang)}"' if lang else ""
    return (
        f'<span class="learn-piece is-{kind}" style="--v:{strength}%">'
        f"<bdi{attribute}>{escape(text)}</bdi>"
        f'<small dir="ltr">{signed(score)}</small></span>'
    )
