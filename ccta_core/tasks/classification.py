"""Classes of a sentence or a pair of sentences: F is the logit of one class."""

from ccta_core.errors import CctaError
from ccta_core.models.heads import Target
from ccta_core.models.model import Model
from ccta_core.models.windows import Window, single_window
from ccta_core.tasks.protocol import ANY, Aim, Seen
from ccta_core.types import Sentence


class Classification:
    """Natural language inference, paraphrase and any other labels of whole texts."""

    def check(self, model: Model, sentence: Sentence, asked: str) -> None:
        """Raises CctaError on an unknown class, and on a focus: a class is about the whole text."""
        if asked not in ANY:
            model.class_index(asked)
        if sentence.focus:
            raise CctaError(
                f"{model.id} classifies whole texts; a focus is for answers and tagged words: "
                "leave it out"
            )

    def windows(self, model: Model, sentence: Sentence) -> tuple[Window, ...]:
        """The whole sentence, cut where it is too long."""
        return (single_window(model, sentence),)

    def label(self, model: Model, seen: Seen, asked: str) -> str:
        """The class asked for, or the predicted one."""
        if asked in ANY:
            return model.labels[int(seen.logits[0][0].argmax())]
        return model.labels[model.class_index(asked)]

    def aim(self, model: Model, seen: Seen, label: str) -> Aim:
        """The logit of `label`; the prediction is the softmax over the classes."""
        shares = seen.logits[0][0].double().softmax(0).tolist()
        return Aim(
            label=label,
            target=Target(((0, model.class_index(label)),)),
            prediction=dict(zip(model.labels, shares, strict=True)),
        )
