"""Classes, labels or scores of a sentence or a pair of sentences: F is the logit of one column."""

import torch

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

        Of several scores none stands out: there one has to be named.
        """
        if asked not in ANY:
            model.class_index(asked)
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
        """The whole sentence, cut where it is too long."""
        return (single_window(model, sentence),)

    def label(self, model: Model, output: ModelOutput, asked: str) -> str:
        """The class asked for, or the likeliest one (of labels too, whether or not it holds)."""
        if asked in ANY:
            return model.labels[int(output.logits[0][0].argmax())]
        return model.labels[model.class_index(asked)]

    def explain(self, model: Model, output: ModelOutput, label: str) -> Explained:
        """The logit of `label`, and what the head says of every column."""
        values = column_values(model, output.logits[0][0])
        scores = model.info.outputs == SCORES
        return Explained(
            label=label,
            target=Target(((0, model.class_index(label)),)),
            prediction={} if scores else values,
            head_scores=values if scores else {},
        )


def column_values(model: Model, logits: torch.Tensor) -> dict[str, float]:
    """Column -> what it says: of classes the softmax over all, of labels each one's sigmoid.

    Of scores the logit itself, which is no probability. Shape: `logits` (columns,).
    """
    read = {CLASSES: lambda row: row.softmax(0), LABELS: torch.sigmoid, SCORES: lambda row: row}
    values = read[model.info.outputs](logits.double())
    return dict(zip(model.labels, values.tolist(), strict=True))
