"""Where labels of points go, so that none covers another; no plotly, no Streamlit."""

from collections.abc import Sequence

Box = tuple[float, float, float, float]
_AWAY = ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, 1), (1, -1), (-1, -1))
_RINGS = (1.0, 1.9, 2.8)


def label_places(
    points: Sequence[tuple[float, float]], widths: Sequence[float], height: float, frame: Box
) -> list[tuple[float, float]]:
    """The offset of each label's middle from its point, the nearest that covers least.

    `points`, `widths`, `height` and `frame` are in pixels, y upwards; a label outside the frame
    counts as covered. Labels are placed in order, each
    beside, above or below its point, further away only where that is free.
    """
    marks = [_box(x, y, height * 0.8, height * 0.8) for x, y in points]
    placed: list[Box] = []
    offsets = []
    for (x, y), width in zip(points, widths, strict=True):
        ways = _offsets(width, height)
        boxes = [_box(x + across, y + up, width, height) for across, up in ways]
        costs = [_covered(box, marks + placed, frame) for box in boxes]
        best = costs.index(min(costs))
        placed.append(boxes[best])
        offsets.append(ways[best])
    return offsets


def _covered(box: Box, taken: Sequence[Box], frame: Box) -> float:
    """The area outside the frame or shared with what is there."""
    whole = (box[2] - box[0]) * (box[3] - box[1])
    return whole - _shared(box, frame) + sum(_shared(box, other) for other in taken)


def _offsets(width: float, height: float) -> list[tuple[float, float]]:
    """Candidates, the nearest first."""
    return [
        (across * (width / 2 + height * 0.5 * ring), up * height * ring)
        for ring in _RINGS
        for across, up in _AWAY
    ]


def _box(x: float, y: float, width: float, height: float) -> Box:
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2


def _shared(one: Box, other: Box) -> float:
    """The area that two boxes share."""
    across = min(one[2], other[2]) - max(one[0], other[0])
    up = min(one[3], other[3]) - max(one[1], other[1])
    return max(0.0, across) * max(0.0, up)
