"""Readers of published data sets, a file each."""
