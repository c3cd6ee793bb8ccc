"""The comparisons that ship: the page opens on them, and the engine gives them again."""

import subprocess
import sys

import pytest

import ccta_core as ccta
from ccta_core.corpus.demo import read_demo
from ccta_core.models.catalog import find
from ccta_core.store import find_pair
from ccta_core.store.files import read_entry
from ccta_core.store.pairs import SHIPPED, pair_key
from research.zoo.precompute import wanted

MODEL = "e5-small/nli-en"
FIRST = next(item for item in read_demo("nli") if item.id == "ferry-c").sentences


def shipped(lang, config=None):
    return find_pair(find(MODEL), FIRST["en"], FIRST[lang], config or ccta.Config())


@pytest.mark.parametrize("lang", sorted(set(FIRST) - {"en"}))
def test_the_first_item_ships_in_every_language(lang):
    result = shipped(lang)
    assert result is not None
    assert result.space == "centered"
    assert result.controls.ems_unrelated is not None
    assert result.source.converged
    assert result.target.converged


@pytest.mark.parametrize("layer", [4, 8, 11])
def test_the_layer_slider_answers_at_once_on_the_first_pair(layer):
    assert shipped("es", ccta.Config(layer=layer)) is not None


def test_the_engine_gives_what_ships(model):
    """Within the tolerance of the quadrature: another processor rounds otherwise."""
    config = ccta.Config(layer=8)
    kept = shipped("zh", config) or shipped("es", config)
    again = ccta.compare(model, FIRST["en"], FIRST[kept.target.lang], config)
    assert again.ems == pytest.approx(kept.ems, abs=0.01)
    assert again.target_class == kept.target_class
    assert again.controls.ems_uniform == pytest.approx(kept.controls.ems_uniform, abs=1e-3)


def test_they_are_read_without_torch():
    code = (
        "import sys; sys.path.insert(0, 'tests'); import test_shipped as t;"
        "assert t.shipped('es'); print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_what_ships_stays_small():
    files = list(SHIPPED.rglob("*"))
    assert sum(path.stat().st_size for path in files if path.is_file()) < 5e6
    assert not [path for path in files if path.suffix in (".tmp", ".damaged")]


def test_nothing_ships_that_nobody_asks_for():
    """Entries of an older version, revision or text would lie there unread."""
    info = find(MODEL)
    asked = {pair_key(info, source, target, config) for source, target, config in wanted()}
    shipped_keys = {path.name.split(".")[0] for path in SHIPPED.rglob("*.json.gz")}
    assert shipped_keys <= asked
    assert len(shipped_keys) > 140


def test_what_ships_holds_its_test():
    for path in SHIPPED.rglob("*.json.gz"):
        test = read_entry(SHIPPED, path.name.split(".")[0])["permutation"]
        assert test["drawn"] >= 99 or test["exact"]
        assert test["p_value"] is not None
