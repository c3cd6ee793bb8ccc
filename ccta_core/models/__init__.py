"""Loads backbones, adapters and tokenizers; runs only the part of a model above a layer."""
