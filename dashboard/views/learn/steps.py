"""The steps of the page Learn: what each asks, tells and lets one try."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Step:
    """One step: its name in the list, its question, two or three sentences, something to try.

    `{first}` in a text is the first language, `{label}` the class that is explained. `pair`: it
    compares the first language with another, others read one sentence. `of_lesson`: its numbers are
    the lesson's, or those of a pair of one's own; others say themselves where theirs come from.
    """

    name: str
    question: str
    text: str
    exercise: str
    pair: bool = False
    of_lesson: bool = True

    def told(self, first: str, label: str) -> tuple[str, str]:
        """Text and exercise with the first language's name and the explained class."""
        text, exercise = (
            part.format(first=first, label=label) for part in (self.text, self.exercise)
        )
        return text, exercise


STEPS = (
    Step(
        "Attribution",
        "What is an attribution?",
        "A model reads two texts, a premise and a hypothesis, and says whether the second follows "
        "from the first, contradicts it, or neither. An attribution gives every word a number: how "
        "much it moved the model's score for one class, here {label}. Scores are in logits, "
        "what the model computes before probabilities. Orange words speak for the class, blue "
        "ones against it.",
        "Click words to take them out of the sum. Which word alone comes nearest to the whole? "
        "Then change the language.",
    ),
    Step(
        "Path",
        "Where do the numbers come from?",
        "We start from padding, tokens that say nothing, and turn it into the sentence little by "
        "little: alpha says how far we are. At each place every word has a slope: how fast the "
        "score would grow if this word alone went on. A word's attribution is the sum of its "
        "slopes over the whole way.",
        "Move the slider slowly where the curve is steep. Whose colour is strong there? Watch the "
        "bars: at alpha 1 they are the numbers of step 1.",
    ),
    Step(
        "Sum",
        "Do the numbers add up?",
        "They have to: all attributions together, special tokens included, are the score of the "
        "sentence minus the score of padding. This is called completeness. We can only look at "
        "some places of the way, and with too few of them the sum misses.",
        "Use more points until nothing is missed. Then change the language: does it need as many?",
    ),
    Step(
        "Words",
        "What counts as a word?",
        "The model reads pieces of words and gives each piece its own number. We add up the pieces "
        "of a word, because people read words. Special tokens, which mark where texts begin and "
        "end, stay apart. For the next steps only size counts: a word's mass is its share of all "
        "absolute numbers.",
        "Find a word whose pieces pull in different directions. Then keep only the evidence for "
        "the class: whose mass changes?",
    ),
    Step(
        "Space",
        "How can words of two languages be compared?",
        "Inside the model each word is a point in a space of 384 dimensions, whatever its "
        "language. Words that mean alike should lie close together. We first take away what all "
        "words of a language share, its mean, and then measure the cosine: 1 is the same "
        "direction, 0 is none in common.",
        "Switch between raw and centred: what moves? Find a word whose nearest neighbour in the "
        "other language is not its translation.",
        pair=True,
    ),
    Step(
        "Transport",
        "How alike are two readings?",
        "Each {first} word holds its mass, and each word of the other language wants its own. Move "
        "all of it: what goes between similar words scores high. The score is the sum of mass "
        "times cosine, and the best possible one is called Earth Mover's Similarity, EMS.",
        "Click a cell to move all that fits, click again to empty it; with + and \N{MINUS SIGN} in "
        "steps of 5%. Then show the optimum: what did you miss?",
        pair=True,
    ),
    Step(
        "Chance",
        "Is that more than chance?",
        "EMS is high wherever the words are alike, even if the model stresses other ones. So we "
        "shuffle the masses among the words of the same text, at random, and measure again: a "
        "permutation test. Only an EMS that most shuffles do not reach shows that the stress "
        "agrees.",
        "Shuffle again a few times with 19 shuffles, then with 999. How much does p move? Then "
        "compare {first} with itself.",
        pair=True,
    ),
    Step(
        "Pulling",
        "What does pulling languages together do?",
        "An adjustment shows the model sentences with their translations, links words that "
        "correspond, and trains until linked words lie closer together, while English words are "
        "held where they were. Here is the sentence before (open marks) and after it (filled): a "
        "row is a word of one language beside a word of the other.",
        "Look at the words that do not mean the same: did they stay where they were? Then compare "
        "English with Arabic or Chinese, which the adjustment never saw.",
        pair=True,
        of_lesson=False,
    ),
    Step(
        "Placebo",
        "Why is there a placebo?",
        "Any further training changes a model, and what draws all words together also brings the "
        "related ones closer. So the same training is run again with its links re-paired at random "
        "inside each sentence: the same text, the same number of steps, but nothing in it says "
        "which words belong together. Only what the adjustment does beyond its placebo may be "
        "called the alignment.",
        "Compare filled circles with diamonds: in which of the two are linked words still the "
        "nearer ones?",
        pair=True,
        of_lesson=False,
    ),
    Step(
        "Claims",
        "What was claimed, and what do we find?",
        "One sentence shows how the measure works, not how a model behaves. A study measures many "
        "items in many languages, and puts each claim of the paper (Wang et al., 2021) to a test "
        "beside its controls.",
        "Open the study: do embeddings only give the same result?",
        pair=True,
        of_lesson=False,
    ),
)
