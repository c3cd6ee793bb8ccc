"""Words and numbers of the page: escaping, rounding, names, and what EMS is in plain words."""

import math
from html import escape

from ccta_core.languages import LANGUAGES
from ccta_core.text import number

EXPLANATION = """
<h2>What EMS says, and what it does not</h2>
<p>An attribution says how much each word of a text weighs in what the model decides. Earth Mover's
Similarity (EMS) asks how well the weights in one language can be moved onto the weights in the
other when moving between words of like meaning is cheap: 1 says that the same words weigh the same.
EMS proves nothing without its controls, because it is high wherever the words of two texts are
alike for the model, whatever it stresses. So each mean stands beside:</p>
<dl>
<dt>uniform</dt><dd>the same words with equal weights: the embeddings alone</dd>
<dt>shuffled</dt><dd>the same weights on other words of their text, at random, mean of several
shuffles</dd>
<dt>unrelated</dt><dd>EMS against texts that are no translations, with the same gold label and of
similar length: the level of chance</dd>
<dt>gain</dt><dd>EMS minus shuffled: what the attributions add to the embeddings</dd>
</dl>
<p>A gain near zero says that EMS comes from the embeddings. A gain above zero says that the
attributions agree more than chance; it does not say that the model is right, or why.</p>
"""


def safe(text: object) -> str:
    """The text for HTML: no markup, no attribute can be left."""
    return escape(str(text))


def shown(value: float | None, digits: int = 3) -> str:
    """A number with so many digits, or a dash."""
    return "-" if value is None or not math.isfinite(value) else number(value, digits)


def percent(share: float | None, digits: int = 1) -> str:
    """A share as a percentage, or a dash."""
    return "-" if share is None else f"{shown(100 * share, digits)}%"


def titled(text: str) -> str:
    """With a capital first letter; names of one letter stay as they are."""
    return text[:1].upper() + text[1:] if text[1:2].isalpha() else text


def name_of(code: str) -> str:
    """The language's name; its code where it is not known."""
    found = LANGUAGES.get(code)
    return found.name if found else code
