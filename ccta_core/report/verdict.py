"""EMS and its controls as one honest sentence."""

from ccta_core.types import Controls

_SMALL = 0.01
_SIGNIFICANT = 0.05


def verdict(ems: float, controls: Controls) -> str:
    """What the score and its controls say together (docs/method.md, 4).

    The claim never goes beyond the shuffled control: agreement that shuffled attributions reach as
    well belongs to the embeddings.
    """
    head = f"EMS {ems:.2f}"
    if controls.ems_shuffled is None or controls.p_value is None:
        return f"{head}; without shuffled controls it can't be told apart from similar embeddings."
    shuffled = (
        f"shuffled attributions give {controls.ems_shuffled:.2f} (p = {controls.p_value:.2f})"
    )
    sentence = f"{head}; {shuffled}: {_reading(ems, controls)}"
    if controls.ems_unrelated is not None:
        sentence += _against_chance(ems, controls.ems_unrelated)
    return sentence + "."


def _reading(ems: float, controls: Controls) -> str:
    gain = round(ems - (controls.ems_shuffled or 0.0), 6)
    if (controls.p_value or 1.0) <= _SIGNIFICANT and gain > _SMALL:
        how_far = "clearly more" if gain > 0.05 else "a little more"
        text = (
            f"the model stresses corresponding words in both languages, {how_far} than chance would"
        )
    elif gain < -_SMALL:
        text = "the stressed words correspond less well than shuffled ones do"
    elif gain > _SMALL:
        text = "as far as can be told the agreement is the embeddings', not the attributions'"
    else:
        text = "the agreement is the embeddings', not the attributions'"
    if controls.ems_uniform is not None and controls.ems_uniform > ems + _SMALL:
        text += f"; embeddings alone give {controls.ems_uniform:.2f}"
    return text


def _against_chance(ems: float, unrelated: float) -> str:
    if ems > unrelated + _SMALL:
        return f"; an unrelated sentence gives {unrelated:.2f}"
    return (
        f"; even an unrelated sentence gives {unrelated:.2f}, so this says nothing about the pair"
    )
