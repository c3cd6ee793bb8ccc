"""What pyproject.toml can't say: a wheel takes along what ships precomputed in cache/.

An editable install of a working copy finds it where it lies (ccta_core.config.shipped).
"""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

CACHE = Path(__file__).parent / "cache"
MARK = "shipped"


def shipped_folders() -> list[Path]:
    """The folders of cache/ that ship; a study of one's own has no mark and stays at home."""
    studies = [mark.parent for mark in sorted((CACHE / "studies").glob(f"*/{MARK}"))]
    return [
        folder for folder in (CACHE / "pairs", CACHE / "adjustment", *studies) if folder.is_dir()
    ]


class BuildWithCache(build_py):
    """Copies them into the package that is being built."""

    def run(self) -> None:
        """Builds the package; of a wheel, with what ships."""
        super().run()
        if self.editable_mode:
            return
        for folder in shipped_folders():
            target = Path(self.build_lib) / "ccta_core" / "shipped" / folder.relative_to(CACHE)
            shutil.copytree(
                folder, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns("lock", "log.txt")
            )


setup(cmdclass={"build_py": BuildWithCache})
