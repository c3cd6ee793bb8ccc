"""The bundled demo corpus: the same items in many languages, one line-parallel file a language."""

from ccta_core.corpus.demo.reader import read_demo

__all__ = ["read_demo"]
