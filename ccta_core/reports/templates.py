"""HTML documents: Jinja2 templates that lie beside the code that fills them.

Every value is escaped where it is put in, and a name that a template uses but nobody gave is an
error. What a template must not escape is marked in it: style sheets and scripts of this package,
and drawings of `ccta_core.reports.figures`.
"""

import base64
import hashlib
import json
from functools import cache
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

_SEPARATORS = {ord(letter): f"\\u{ord(letter):04x}" for letter in "\u2028\u2029"}


def render(template: str, **values: Any) -> str:
    """Returns the document that a template, named by its path in this package, makes of these
    values.

    Raises jinja2.UndefinedError where the template needs a value that is not given, ValueError
    where a value that goes into a script is no JSON (NaN, infinite).
    """
    return _environment().get_template(template).render(values)


@cache
def asset(path: str) -> str:
    """Returns the text of a style sheet or a script, named by its path in this package."""
    return (resources.files("ccta_core.reports") / path).read_text(encoding="utf-8")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("ccta_core", "reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.globals["asset"] = asset
    environment.filters["sha256"] = _sha256
    # `tojson` writes <, > and & as escapes, so that no HTML parser can leave the script block.
    environment.policies["json.dumps_function"] = _json
    environment.policies["json.dumps_kwargs"] = {}
    return environment


def _sha256(text: str) -> str:
    """Returns the hash by which a content security policy names a block: base64 of the SHA-256."""
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _json(value: Any) -> str:
    """Writes JSON for a script block; U+2028 and U+2029 end a line in older scripts."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False).translate(_SEPARATORS)
