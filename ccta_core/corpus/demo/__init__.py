"""The bundled demo corpus: the same items in many languages, one line-parallel file a language."""

from ccta_core.corpus.demo.reader import demo_entities, read_demo

DEMO_PARTS = {"nli": "nli", "paraphrase": "paraphrase", "qa": "qa", "ner": "sentences"}
"""Task -> the part of the corpus that its models are asked about."""

__all__ = ["DEMO_PARTS", "demo_entities", "read_demo"]
