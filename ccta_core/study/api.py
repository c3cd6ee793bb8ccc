"""Studies from Python: `ccta.run_study` and `ccta.open_study`."""

import inspect
from collections.abc import Callable, Sequence
from typing import Any, Literal

from ccta_core.errors import CctaError
from ccta_core.study.request import CONFIG_SETTINGS, StudyRequest, keyword_defaults, settings
from ccta_core.study.run.local import create, run
from ccta_core.study.run.progress import Report
from ccta_core.study.storage.table import Study, open_study

__all__ = ["open_study", "run_study"]


def _with_settings(function: Callable[..., Study]) -> Callable[..., Study]:
    """Returns the function with the settings of a study in its signature and its docstring."""
    signature = inspect.signature(function)
    *named, _ = signature.parameters.values()
    keywords = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default)
        for name, default in keyword_defaults().items()
    ]
    described = [
        f"    {name}: {setting.help}."
        for name, setting in {**settings(), **CONFIG_SETTINGS}.items()
        if name in keyword_defaults()
    ]
    function.__doc__ = "\n".join([inspect.cleandoc(function.__doc__ or ""), "", *described])
    vars(function)["__signature__"] = signature.replace(parameters=[*named, *keywords])
    return function


@_with_settings
def run_study(  # noqa: PLR0913 - what a study is, and how it is run
    name: str,
    data: str,
    models: str | Sequence[str],
    *,
    workers: int = 0,
    engine: Literal["local", "ray"] = "local",
    report: Report | None = None,
    **study_settings: Any,
) -> Study:
    """Measures a data set (`ccta data list`) with one or more models and returns the study.

    What was measured before under this name is kept; a killed run goes on where it was. `workers`
    are processes; 0 works in this one (a script that asks for more needs the usual
    `if __name__ == "__main__"`); with the engine "ray" they are those of a Ray cluster started
    here, 0 all it has room for. A model is an id of `ccta models list`, or a folder, which is put
    on that list. `report` is told how far the run is, part by part.

    The settings of the study are those of `StudyRequest`, and the fields of Config as keywords of
    their own (shuffles is 20 where it is not given). Raises CctaError on another engine, on a
    setting that there is not, and as `StudyRequest`, `create` and `run` do.
    """
    if engine not in ("local", "ray"):
        raise CctaError(f"unknown engine {engine!r}; expected local or ray")
    create(StudyRequest.from_keywords(name=name, data=data, models=models, **study_settings))
    if engine == "ray":
        from ccta_core.study.run import ray_runner  # an optional extra

        ray_runner.run(name, ray_runner.Cluster(workers=workers), report=report)
    else:
        run(name, workers=workers, report=report)
    return open_study(name)
