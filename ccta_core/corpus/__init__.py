"""Reads parallel examples: the bundled demo, public data sets in their native files, files of a
person.
"""
