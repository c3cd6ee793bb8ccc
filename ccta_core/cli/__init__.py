"""The command `ccta`: every command prints results on stdout and one clear line on bad input."""

from ccta_core.cli.main import main

__all__ = ["main"]
