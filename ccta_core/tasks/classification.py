"""Explains classes, labels or scores of one or two texts: F is the logit of one column."""

import torch

from ccta_core.config import RATHER_THAN
from ccta_core.errors import CctaError
from ccta_core.models.catalog import CLASSES, LABELS, SCORES
from ccta_core.models.heads import Target
from ccta_core.models.model import Model
from ccta_core.models.windows import Window, single_window
from ccta_core.tasks.protocol import ANY, Explained, ModelOutput
from ccta_core.types import Sentence


class Classification:
    """Natural language inference, paraphrase and any other labels or scores of whole texts."""

    def check(self, model: Model, sentence: Sentence, asked: str) -> None:
        """Raises CctaError on an unknown class, and on a focus: a class is about the whole text.

        Of several scores none stands out: there one has to be named. "A rather than B" needs two
        classes of which one holds.
        """
        if asked not in ANY:
            _, rivals = _columns(model, asked)
            if rivals and model.info.outputs != CLASSES:
                raise CctaError(
                    f"{asked!r} is about two classes of which one holds, and the columns of "
                    f"{model.id} are {model.info.outputs}; name one of them: "
                    f"{', '.join(model.labels)}"
                )
        elif model.info.outputs == SCORES and len(model.labels) > 1:
            raise CctaError(
                f"{model.id} gives {len(model.labels)} scores, of which none is the prediction; "
                f"name the one to explain as target class: {', '.join(model.labels)}"
            )
        if sentence.focus:
            raise CctaError(
                f"{model.id} classifies whole texts; a focus is for answers and tagged words: "
                "leave it out"
            )

    def windows(self, model: Model, sentence: Sentence) -> tuple[Window, ...]:
        """Returns the whole sentence, cut where it is too long."""
        return (single_window(model, sentence),)

    def label(self, model: Model, output: ModelOutput, asked: str) -> str:
        """Returns the class asked for (or the two, "A rather than B"), or the likeliest one (of
        labels too, whether or not it holds).
        """
        if asked in ANY:
            return model.labels[int(output.logits[0][0].argmax())]
        _columns(model, asked)
        return asked

    def explain(self, model: Model, output: ModelOutput, label: str) -> Explained:
        """Selects the logit of `label`, or its margin over the class it is named rather than, and
        returns what the head predicts for every column.
        """
        values = column_values(model, output.logits[0][0])
        scores = model.info.outputs == SCORES
        column, rivals = _columns(model, label)
        return Explained(
            label=label,
            target=Target(((0, column),), against=rivals),
            prediction={} if scores else values,
            head_scores=values if scores else {},
        )


def _columns(model: Model, label: str) -> tuple[int, tuple[int, ...]]:
    """The column of a class and, of "A rather than B", that of B. Raises CctaError on any other."""
    first, rather, second = label.partition(RATHER_THAN)
    if label in model.labels or not rather:
        return model.class_index(label), ()
    columns = model.class_index(first), model.class_index(second)
    if columns[0] == columns[1]:
        raise CctaError(f"{label!r} names one class twice; expected two classes")
    return columns[0], columns[1:]


def column_values(model: Model, logits: torch.Tensor) -> dict[str, float]:
    """Maps each column to its value: the softmax over all classes, or each label's sigmoid.

    Of scores the logit itself, which is no probability. Shape: `logits` (columns,).
    """
    read = {CLASSES: lambda row: row.softmax(0), LABELS: torch.sigmoid, SCORES: lambda row: row}
    values = read[model.info.outputs](logits.double())
    return dict(zip(model.labels, values.tolist(), strict=True))
