"""Fits and scores the common space of languages: means, alignment layer, Procrustes maps."""
