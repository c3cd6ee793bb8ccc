"""Stores results on disk, addressed by what they were computed from."""

from ccta_core.store.pairs import find_pair, keep_pair

__all__ = ["find_pair", "keep_pair"]
