"""Trains, measures and checks the shipped models, and precomputes what the pages open with."""
