"""Backbones, adapters and tokenizers; running only the part of a model above a layer."""
