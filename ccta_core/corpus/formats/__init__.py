"""Reads published data sets, a file each."""
