"""What the site has beside the files of docs/: the executed notebooks, and a gallery of finished
pairs. mkdocs.yml names this file as a hook.

python -m research.documents.site    executes the notebooks into build/notebooks, for the next build
"""

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from ccta_core.config import Config
from ccta_core.corpus.demo import read_demo
from ccta_core.languages import language
from ccta_core.models.catalog import find
from ccta_core.reports.markdown import markdown_table
from ccta_core.result import PairResult
from ccta_core.store import find_pair
from ccta_core.text import number

_ROOT = Path(__file__).parents[2]
NOTEBOOKS = _ROOT / "docs" / "notebooks"
_MODEL, _ITEM = "e5-small/nli-en", "ferry-c"
_TIMEOUT = 900
"""Seconds that one cell of a notebook may take, on a machine with other work."""
_SLOT = '<div data-output="{}"></div>'
"""Where an output in HTML goes: put in after Markdown has been read, so that it stays as it is."""
_NOTEBOOK_LINK = re.compile(r"\]\(((?:\.\./)*notebooks/[\w-]+)\.ipynb\)")
_GALLERY = """# Gallery

One item of the demo corpus in every language it has, read by `{model}`, which was trained on
English inference alone. Every picture is a page of its own, about {size} KB, that needs no network:
hover over a word, click it, move the threshold. They are the pairs that ship with the product.
`ccta pair --item {item} --source-lang en --target-lang es --html ferry.html` writes such a page.

<iframe class="pair" src="en-es.html" title="English and Spanish"></iframe>

"""


def execute(notebook: Path) -> nbformat.NotebookNode:
    """Returns a notebook with the outputs of all its cells, run in this Python.

    Raises nbclient.exceptions.CellExecutionError, with the cell's own error, where one fails.
    """
    from nbclient import NotebookClient

    cells = nbformat.read(notebook, as_version=4)
    folder = {"metadata": {"path": str(notebook.parent)}}
    NotebookClient(cells, timeout=_TIMEOUT, kernel_name="python3", resources=folder).execute()
    return cells


def notebook_folder() -> Path:
    """Returns where executed notebooks lie: build/notebooks, or what CCTA_NOTEBOOKS names."""
    return Path(os.environ.get("CCTA_NOTEBOOKS", _ROOT / "build" / "notebooks"))


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the notebooks' pages and the gallery to the files of docs/."""
    for source in sorted(NOTEBOOKS.glob("*.ipynb")):
        written = notebook_folder() / source.name
        if not written.exists():
            raise PluginError(f"{written} is missing: run python -m research.documents.site first")
        cells = nbformat.read(written, as_version=4).cells
        text = "\n\n".join(_markdown(cells))
        files.append(File.generated(config, f"notebooks/{source.stem}.md", content=text))
    for name, content in gallery().items():
        files.append(File.generated(config, f"gallery/{name}", content=content))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Has links to notebooks lead to their pages; on GitHub they lead to the files."""
    return _NOTEBOOK_LINK.sub(r"](\1.md)", markdown)


def on_page_content(html: str, page: Page, **_: Any) -> str:
    """Puts a notebook's outputs in HTML where they belong."""
    if page.file.src_uri.startswith("notebooks/"):
        cells = nbformat.read(notebook_folder() / f"{page.file.name}.ipynb", as_version=4).cells
        for place, output in enumerate(_html_outputs(cells)):
            html = html.replace(_SLOT.format(place), output)
    return html


def gallery() -> dict[str, str]:
    """Returns the gallery's files by their names: the finished pairs of one item, a page a
    language, and `index.md`, which lists them with their verdicts.
    """
    sentences = {item.id: item for item in read_demo("nli")}[_ITEM].sentences
    info, files, rows = find(_MODEL), {}, []
    for lang in ("es", *sorted(sentences.keys() - {"en", "es"})):
        result = find_pair(info, sentences["en"], sentences[lang], Config())
        if result is None:
            raise PluginError(f"{_ITEM} does not ship in {lang}: python -m research.zoo.precompute")
        files[f"en-{lang}.html"] = result.to_html()
        rows.append(_gallery_row(result))
    head = _GALLERY.format(model=_MODEL, item=_ITEM, size=len(files["en-es.html"]) // 1000)
    return {"index.md": head + markdown_table(("English and", "EMS", "verdict"), rows)} | files


def _gallery_row(result: PairResult) -> tuple[str, str, str]:
    lang = result.target.lang
    names = f"{language(lang).name} ({language(lang).native})"
    return f"[{names}](en-{lang}.html)", number(result.ems), result.verdict


def _markdown(cells: list[nbformat.NotebookNode]) -> Iterator[str]:
    """Yields a notebook's cells and their outputs as Markdown, with a slot for each in HTML."""
    place = 0
    for cell in cells:
        if cell.cell_type == "markdown":
            yield cell.source
            continue
        yield f"```python\n{cell.source}\n```"
        for output in cell.outputs:
            data = output.get("data", {})
            if output.output_type == "stream" and output.name == "stdout":
                yield f"```text\n{output.text.rstrip()}\n```"
            elif "text/html" in data:
                yield _SLOT.format(place)
                place += 1
            elif "text/markdown" in data:
                yield data["text/markdown"].replace("\n# ", "\n### ").replace("\n## ", "\n### ")
            elif "text/plain" in data:
                yield f"```text\n{data['text/plain']}\n```"


def _html_outputs(cells: list[nbformat.NotebookNode]) -> Iterator[str]:
    outputs = (output for cell in cells for output in cell.get("outputs", ()))
    for output in outputs:
        if "text/html" in output.get("data", {}):
            yield output.data["text/html"]


def main() -> None:
    """Executes every notebook of docs/notebooks; one that fails is told with its own error."""
    folder = notebook_folder()
    folder.mkdir(parents=True, exist_ok=True)
    for source in sorted(NOTEBOOKS.glob("*.ipynb")):
        sys.stderr.write(f"{source.name}\n")
        nbformat.write(execute(source), folder / source.name)


if __name__ == "__main__":
    main()
