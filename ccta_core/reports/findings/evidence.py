"""What studies say to the three claims, computed once for the page, its figures and its tables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ccta_core.analysis import claims
from ccta_core.analysis.chance import ChanceOfGain, chance_of_gain
from ccta_core.analysis.performance import (
    Performance,
    SingleTests,
    items,
    performance,
    single_tests,
)
from ccta_core.analysis.pooled_items import PooledItems
from ccta_core.analysis.synonyms import SynonymTest
from ccta_core.analysis.training_languages import TrainingRanking
from ccta_core.errors import CctaError
from ccta_core.reports.findings.answers import RANKED
from ccta_core.reports.findings.random_head import Sanity, sanity
from ccta_core.study.storage.table import Study


@dataclass(frozen=True, slots=True)
class StudyEvidence:
    """One study at one layer: what it finds of each claim; `refused` is why claim 2 has no answer,
    `chance` None where it was measured without a chance level of the gain.

    `rankings` by measure, None where there are fewer than two training languages.
    """

    study: Study
    layer: int
    performance: Performance | None
    single: SingleTests | None
    items: PooledItems
    rankings: Mapping[str, TrainingRanking | None]
    refused: str
    synonyms: SynonymTest
    random_heads: tuple[Sanity, ...]
    chance: ChanceOfGain | None

    @property
    def name(self) -> str:
        """The study's name, and its layer where it has several."""
        several = len(self.study.manifest.layers) > 1
        return f"{self.study.name}, layer {self.layer}" if several else self.study.name

    @property
    def data(self) -> str:
        """The data set: studies that share it are one piece of evidence."""
        return str(self.study.manifest.source)

    @property
    def size(self) -> int:
        """Comparisons of a model: what the largest study of a data set is chosen by."""
        manifest = self.study.manifest
        return len(manifest.languages) ** 2 * manifest.items


def gather(studies: Sequence[Study]) -> list[StudyEvidence]:
    """Returns the evidence of every study and layer, in their order; a study given twice counts
    once.
    """
    once = {study.manifest.name: study for study in studies}.values()
    return [_evidence(study, layer) for study in once for layer in study.manifest.layers]


def _evidence(study: Study, layer: int) -> StudyEvidence:
    refused, rankings = "", {}
    try:
        rankings = {name: claims.training_languages(study, layer, name) for name in RANKED}
    except CctaError as error:  # the other claims may have their answers
        refused = str(error)
    return StudyEvidence(
        study,
        layer,
        performance(study, layer),
        single_tests(study, layer),
        items(study, layer),
        rankings,
        refused,
        claims.synonyms(study, layer),
        tuple(sanity(study, layer)),
        chance_of_gain(study, layer),
    )


def main_studies(evidence: Sequence[StudyEvidence]) -> list[StudyEvidence]:
    """Returns the largest study of each data set: the others share its items or its models."""
    by_data: dict[str, StudyEvidence] = {}
    for entry in evidence:
        if entry.data not in by_data or entry.size > by_data[entry.data].size:
            by_data[entry.data] = entry
    return list(by_data.values())
