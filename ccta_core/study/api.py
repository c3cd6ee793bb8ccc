"""Studies from Python: `ccta.run_study` and `ccta.open_study`."""

from collections.abc import Sequence
from typing import Any, Literal

from ccta_core.config import Config
from ccta_core.errors import CctaError
from ccta_core.models.added import listed
from ccta_core.study.manifest import with_twin
from ccta_core.study.run.local import Report, Request, create, run
from ccta_core.study.storage.table import Study, open_study

__all__ = ["open_study", "run_study"]


def run_study(  # noqa: PLR0913 - what a study is
    name: str,
    data: str,
    models: str | Sequence[str],
    *,
    layers: Sequence[int] = (0,),
    languages: Sequence[str] | None = None,
    limit: int | None = None,
    config: Config | None = None,
    workers: int = 0,
    allow_overlap: bool = False,
    crop: int | None = None,
    per_group: int | None = None,
    random_head: bool = False,
    engine: Literal["local", "ray"] = "local",
    report: Report | None = None,
    **settings: Any,
) -> Study:
    """Measures a data set (`ccta data list`) with one or more models and returns the study.

    What was measured before under this name is kept; a killed run goes on where it was. `settings`
    are fields of Config (shuffles is 20 where it is not given). `workers` are processes; 0 works in
    this one (a script that asks for more needs the usual `if __name__ == "__main__"`); with the
    engine "ray" they are those of a Ray cluster started here, 0 all it has room for. `random_head`
    adds the first model's twin with a random head (docs/method.md, 4). `crop` cuts the contexts of
    questions to so many tokens around their answers, `per_group` takes no more than so many items
    of a premise or paragraph. A model is an id of `ccta models list`, or a folder, which is put on
    that list. Raises CctaError on another engine, and as `listed`, `create` and `run` do.
    """
    if engine not in ("local", "ray"):
        raise CctaError(f"unknown engine {engine!r}; expected local or ray")
    chosen = [listed(model) for model in ([models] if isinstance(models, str) else models)]
    create(
        Request(
            name=name,
            data=data,
            models=with_twin(chosen) if random_head else chosen,
            layers=tuple(layers),
            languages=languages,
            limit=limit,
            config=config or Config(**{"shuffles": 20, **settings}),
            allow_overlap=allow_overlap,
            crop=crop,
            per_group=per_group,
        )
    )
    if engine == "ray":
        from ccta_core.study.run import ray_runner  # an optional extra

        ray_runner.run(name, ray_runner.Cluster(workers=workers), report=report)
    else:
        run(name, workers=workers, report=report)
    return open_study(name)
