"""A model is known by its files: what changes a prediction changes the name of its results."""

import json
import os
import shutil
import time

import pytest
import torch
from safetensors.torch import load_file, save_file

import ccta_core as ccta
from ccta_core.cli import main
from ccta_core.config import cache_root
from ccta_core.errors import CctaError
from ccta_core.models import identity
from ccta_core.models.added import CHANGED, FILE, add, added, available_models, find, listed
from ccta_core.models.catalog import SHIPPED, Randomised, catalog
from ccta_core.models.identity import SUMS_FILE, deciding_files, folder_revision, sum_of
from ccta_core.models.load import load_model
from ccta_core.models.places import ModelPlace, local_place
from ccta_core.pipeline import compare_cached
from ccta_core.store.files import read_entry
from ccta_core.store.pairs import SHIPPED as SHIPPED_PAIRS
from ccta_core.store.pairs import find_pair, pair_key
from ccta_core.study.manifest import SHIPPED as SHIPPED_STUDIES
from ccta_core.study.manifest import read_manifest
from ccta_core.study.request import StudyRequest
from ccta_core.study.run import local
from ccta_core.types import Sentence
from tests.families import LABELS, build, tokenizer_of

RANDOM_HEAD = Randomised().suffix

EN = Sentence("The ferry was cancelled.", "en", "Ahmed baked bread.")
ES = Sentence("El ferry fue cancelado.", "es", "Ahmed horneaba pan.")
QUICK = ccta.Config(layer=1, shuffles=2, unrelated=0)
ZOO = "e5-small/nli-en"


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return build(tmp_path_factory.mktemp("identity") / "bert", "bert", "classification")


@pytest.fixture(scope="module")
def bytes_bpe(tmp_path_factory):
    """A model whose tokenizer.json is taken as it is."""
    return build(tmp_path_factory.mktemp("identity") / "modern", "modernbert", "classification")


@pytest.fixture
def folder(whole, tmp_path):
    return shutil.copytree(whole, tmp_path / "mine")


@pytest.fixture
def settled(monkeypatch):
    """Files count as settled at once: their hashes are remembered."""
    monkeypatch.setattr(identity, "_SETTLED", -1.0)
    monkeypatch.setattr(identity, "_sums", {})


def settings(folder, name="config.json", **changes):
    path = folder / name
    path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), **changes}), "utf-8")


def renamed(folder):
    names = ("neutral", "entailment", "contradiction")
    settings(
        folder, id2label={str(n): name for n, name in enumerate(names)},
        label2id={name: n for n, name in enumerate(names)},
    )  # fmt: skip


def permuted(folder):
    state = load_file(folder / "model.safetensors")
    for name in ("classifier.weight", "classifier.bias"):
        state[name] = state[name][[1, 0, 2]].contiguous()
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})


def lower_case(folder):
    settings(folder, "tokenizer_config.json", do_lower_case=True)


CHANGES = {
    "labels renamed": renamed,
    "rows of the head permuted": permuted,
    "heads": lambda folder: settings(folder, num_attention_heads=4),
    "epsilon": lambda folder: settings(folder, layer_norm_eps=0.1),
    "tokenizer settings": lower_case,
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_result_is_not_found_again_for_another_model(folder, change):
    """The same numbers under the same sums of weights before; the right ones are computed."""
    first = compare_cached(load_model(str(folder)), EN, ES, QUICK)
    assert find_pair(load_model(str(folder)).info, EN, ES, QUICK) is not None
    change(folder)
    model = load_model(str(folder))
    assert find_pair(model.info, EN, ES, QUICK) is None
    again = compare_cached(model, EN, ES, QUICK)
    expected = ccta.compare(model, EN, ES, QUICK)
    assert again.source.prediction == pytest.approx(expected.source.prediction)
    assert again.source.prediction != pytest.approx(first.source.prediction, abs=1e-3)
    assert again.revision == model.revision != first.revision


def test_a_normaliser_in_tokenizer_json_counts(bytes_bpe, tmp_path):
    folder = shutil.copytree(bytes_bpe, tmp_path / "mine")
    before = load_model(str(folder))
    settings(folder, "tokenizer.json", normalizer={"type": "Lowercase"})
    after = load_model(str(folder))
    assert before.revision != after.revision
    one, other = (model.encode(EN).ids for model in (before, after))
    assert not torch.equal(one, other)


@pytest.mark.parametrize(
    "name",
    [
        "special_tokens_map.json", "added_tokens.json", "vocab.txt", "vocab.json", "merges.txt",
        "sentencepiece.bpe.model", "spm.model", "other.safetensors",
    ],
)  # fmt: skip
def test_every_file_that_may_decide_a_prediction_counts(folder, name):
    before = folder_revision(folder)
    (folder / name).write_bytes(b"{}")
    one = folder_revision(folder)
    (folder / name).write_bytes(b"[]")
    assert len({before, one, folder_revision(folder)}) == 3


def test_what_decides_nothing_does_not_count_and_a_copy_is_the_same(folder, tmp_path):
    before = folder_revision(folder)
    for name in ("README.md", "trainer_state.json", "training_args.bin", "optimizer.pt"):
        (folder / name).write_bytes(os.urandom(8))
    (folder / "runs").mkdir()
    (folder / "runs" / "config.json").write_text("{}")
    os.utime(folder / "config.json")
    assert folder_revision(folder) == before
    assert folder_revision(shutil.copytree(folder, tmp_path / "copy")) == before


def test_pickled_weights_count_where_they_are_read(folder):
    state = load_file(folder / "model.safetensors")
    torch.save(state, folder / "pytorch_model.bin")
    before = folder_revision(folder)
    torch.save({**state, "more": torch.ones(1)}, folder / "pytorch_model.bin")
    assert folder_revision(folder) == before  # safetensors stand beside it
    (folder / "model.safetensors").unlink()
    one = folder_revision(folder)
    torch.save(state, folder / "pytorch_model.bin")
    assert len({before, one, folder_revision(folder)}) == 3


def test_each_part_of_the_weights_counts(folder):
    state = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    names = sorted(state)
    parts = {"a.safetensors": names[::2], "b.safetensors": names[1::2]}
    for part, chosen in parts.items():
        save_file({name: state[name] for name in chosen}, folder / part)
    table = {name: part for part, chosen in parts.items() for name in chosen}
    index = folder / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": table, "metadata": {}}), "utf-8")
    before = load_model(str(folder)).revision
    state[names[1]] = state[names[1]] + 1
    save_file({name: state[name] for name in parts["b.safetensors"]}, folder / "b.safetensors")
    after = load_model(str(folder)).revision
    assert before != after
    assert {path.name for path in deciding_files(folder)} >= {*parts, index.name, "config.json"}


def test_an_adapters_base_counts(whole, tmp_path):
    from tests.test_adapted import adapt

    base = shutil.copytree(whole, tmp_path / "base")
    adapter = adapt(base, tmp_path / "adapter")
    before = load_model(str(adapter)).revision
    assert before == ModelPlace(str(adapter), adapter).revision()
    settings(base, layer_norm_eps=0.1)
    after = load_model(str(adapter)).revision
    settings(adapter, "adapter_config.json", lora_alpha=8)
    assert len({before, after, load_model(str(adapter)).revision}) == 3
    beside = shutil.copytree(whole, tmp_path / "beside")
    plain = load_model(str(beside)).revision
    adapt(whole, beside, named=".")
    assert load_model(str(beside)).revision != plain


def test_a_twin_with_a_random_head_follows_its_model(folder):
    trained = load_model(str(folder)).revision
    assert load_model(f"{folder}{RANDOM_HEAD}").revision == f"{trained}-random-head-0"
    settings(folder, layer_norm_eps=0.1)
    assert load_model(f"{folder}{RANDOM_HEAD}").revision != f"{trained}-random-head-0"


def test_files_that_change_while_they_are_read_are_no_model(folder, monkeypatch):
    from ccta_core.models import hub

    def slow(place, *rest):
        found = read(place, *rest)
        settings(folder, layer_norm_eps=0.1)
        return found

    read = hub._weights
    monkeypatch.setattr(hub, "_weights", slow)
    with pytest.raises(CctaError, match="files changed while they were loaded"):
        load_model(str(folder))


# Hashes are remembered by the file's stamp


def read_bytes(monkeypatch):
    """Counts the files that are read to be hashed."""
    read = []
    plain = identity.Path.open

    def counted(path, mode="r", *rest, **named):
        if mode == "rb":
            read.append(path.name)
        return plain(path, mode, *rest, **named)

    monkeypatch.setattr(identity.Path, "open", counted)
    return read


def test_a_file_is_read_once_while_nothing_changes(folder, monkeypatch, settled):
    read = read_bytes(monkeypatch)
    one = folder_revision(folder)
    assert sorted(read) == sorted({path.name for path in deciding_files(folder)})
    read.clear()
    assert folder_revision(folder) == one
    assert read == []
    (folder / "config.json").write_text((folder / "config.json").read_text() + " ")
    assert folder_revision(folder) != one
    assert read == ["config.json"]


def test_a_change_that_keeps_size_and_time_is_seen(folder, settled):
    path = folder / "model.safetensors"
    before, time_before = sum_of(path), path.stat()
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(bytes(data))
    os.utime(path, ns=(time_before.st_atime_ns, time_before.st_mtime_ns))
    assert sum_of(path) != before


def test_what_has_just_been_written_is_not_remembered(folder, monkeypatch):
    """Within one tick of the clock a second change leaves the same stamp."""
    monkeypatch.setattr(identity, "_sums", {})
    read = read_bytes(monkeypatch)
    path = folder / "config.json"
    path.write_text("{}")
    sum_of(path), sum_of(path)
    assert read == ["config.json", "config.json"]
    old = time.time() - 100
    monkeypatch.setattr(identity, "stamp_of", lambda path: (2, int(old * 1e9), int(old * 1e9), 1))
    sum_of(path), sum_of(path)
    assert len(read) == 3


def test_hashes_of_large_files_outlive_the_process(tmp_path, monkeypatch, settled):
    path = tmp_path / "weights.safetensors"
    path.write_bytes(os.urandom(1 << 19))
    found = sum_of(path)
    monkeypatch.setattr(identity, "_sums", {})
    read = read_bytes(monkeypatch)
    assert sum_of(path) == found
    assert read == []
    kept = cache_root() / SUMS_FILE
    kept.write_text(kept.read_text() + "half a li")  # a process was killed
    monkeypatch.setattr(identity, "_sums", {})
    assert sum_of(path) == found
    assert read == []
    kept.write_text("[1, 2]\n[")
    monkeypatch.setattr(identity, "_sums", {})
    assert sum_of(path) == found
    assert read == ["weights.safetensors"]


def test_the_list_of_hashes_does_not_grow_without_end(tmp_path, monkeypatch, settled):
    monkeypatch.setattr(identity, "_LONG", 3)
    path = tmp_path / "weights.safetensors"
    for _ in range(5):
        path.write_bytes(os.urandom(1 << 19))
        sum_of(path)
    monkeypatch.setattr(identity, "_sums", {})
    sum_of(path)
    assert len((cache_root() / SUMS_FILE).read_text().splitlines()) == 1


# What ships


def test_the_zoos_revisions_are_those_of_its_files():
    models = [info for info in catalog().values() if info.folder is not None]
    assert len(models) > 30
    assert {info.id: info.revision for info in models} == {
        info.id: info.card["revision"] for info in models
    }


def test_what_ships_is_found_by_the_revisions_of_the_zoo():
    revisions = {name: info.revision for name, info in catalog().items()}
    for folder in SHIPPED_STUDIES.glob("*/manifest.json"):
        for model in read_manifest(folder.parent).models:
            name = model["id"].removesuffix(RANDOM_HEAD)
            if name not in revisions:
                continue  # a further seed, whose weights do not ship
            assert model["revision"].removesuffix("-random-head-0") == revisions[name]
    entries = [path.name.removesuffix(".json.gz") for path in SHIPPED_PAIRS.rglob("*.json.gz")]
    assert len(entries) > 50
    for key in entries:
        payload = read_entry(SHIPPED_PAIRS, key)
        assert payload["revision"] == revisions[payload["model"]]


def test_without_the_embedded_backbone_the_zoo_is_another_model(monkeypatch):
    """The unquantised backbone has other weights; what ships is still shown, under its name."""
    own = find(ZOO)
    pair = next(iter(_shipped_pairs()))
    assert find_pair(own, *pair, ccta.Config()) is not None
    for module in ("catalog", "identity"):
        monkeypatch.setattr(f"ccta_core.models.{module}.backbone_revision", lambda: "hub:other")
    monkeypatch.setattr("ccta_core.store.pairs.backbone_revision", lambda: "hub:other")
    other = find(ZOO)
    assert other.revision != own.revision
    assert find_pair(other, *pair, ccta.Config()).revision == own.revision
    assert pair_key(other, *pair, ccta.Config()) != pair_key(own, *pair, ccta.Config())


def _shipped_pairs():
    from ccta_core.corpus.demo import read_demo

    sides = next(item for item in read_demo("nli") if item.id == "ferry-c").sentences
    yield sides["en"], sides["es"]


# Adapters of ours in the cache, under a running process


@pytest.fixture
def trained():
    """A model in $CCTA_CACHE/models, as `ccta models train` leaves it."""
    shipped = find(ZOO)
    return shutil.copytree(shipped.folder, cache_root() / "models" / "own" / "nli")


def rewrite(folder, **changes):
    settings(folder, "card.json", **changes)


def test_a_copy_in_the_cache_has_the_revision_of_its_files(trained):
    shipped = find(ZOO)
    assert find("own/nli").revision == shipped.revision
    rewrite(trained, revision="whatever it says")
    assert find("own/nli").revision == shipped.revision
    rewrite(trained, labels=["neutral", "entailment", "contradiction"])
    assert find("own/nli").revision.startswith(f"{shipped.revision}-labels-")
    assert find(f"own/nli{RANDOM_HEAD}").revision.startswith(f"{shipped.revision}-labels-")
    rewrite(trained, labels=list(LABELS), align_layer=3)
    assert find("own/nli").revision != shipped.revision


def test_labels_of_a_card_decide_what_is_found(trained):
    before = load_model("own/nli")
    first = compare_cached(before, EN, ES, QUICK)
    rewrite(trained, labels=["neutral", "entailment", "contradiction"])
    after = load_model("own/nli")
    again = compare_cached(after, EN, ES, QUICK)
    swapped = {"neutral": "entailment", "entailment": "neutral", "contradiction": "contradiction"}
    assert again.source.prediction == pytest.approx(
        {swapped[label]: share for label, share in first.source.prediction.items()}
    )


def test_whole_weights_and_the_named_base_of_a_model_of_ours_count(trained):
    """A card may name another backbone than the embedded one, and stand for whole weights."""
    seen = {find("own/nli").revision}
    for change in (
        lambda: rewrite(trained, base={"id": "other", "revision": "r1"}),
        lambda: rewrite(trained, base={"id": "other", "revision": "r2"}),
        lambda: (trained / "model.safetensors").write_bytes(b"a"),
        lambda: (trained / "model.safetensors").write_bytes(b"b"),
    ):
        change()
        seen.add(find("own/nli").revision)
    assert len(seen) == 5


@pytest.mark.parametrize("file", ["adapter_model.safetensors", "language_means.safetensors"])
def test_a_model_retrained_in_its_place_is_another_one(trained, file):
    before = find("own/nli")
    other = find("e5-small/nli-xnli-es").folder
    shutil.copy(other / file, trained / file)
    assert find("own/nli").revision != before.revision
    with pytest.raises(CctaError, match="its card says"):  # the card is still the old one's
        load_model("own/nli")


def test_means_that_changed_are_not_mixed_with_older_weights(trained):
    model = load_model("own/nli")
    ccta.compare(model, EN, ES, QUICK)
    other = find("e5-small/nli-xnli-es").folder
    shutil.copy(other / "language_means.safetensors", trained)
    with pytest.raises(CctaError, match=r"language_means\.safetensors changed since the model was"):
        ccta.compare(model, EN, ES, QUICK)
    (trained / "language_means.safetensors").unlink()
    with pytest.raises(CctaError, match=r"language_means\.safetensors changed"):
        ccta.compare(model, EN, ES, QUICK)


def test_procrustes_maps_are_part_of_what_is_found(trained):
    config = ccta.Config(layer=1, space="procrustes")
    before = find("own/nli")
    key = pair_key(before, EN, ES, config)
    (trained / "procrustes.safetensors").unlink()
    assert pair_key(find("own/nli"), EN, ES, config) != key
    assert find("own/nli").revision == before.revision


# Models on the list


def test_a_listed_model_whose_files_change_is_out_of_date(folder, capsys):
    first = add(str(folder))
    renamed(folder)
    info = added()[str(folder)]
    assert (info.labels, info.revision) == ((), load_model(str(folder)).revision)
    line = f"the files of {folder} are not known to be those that were added"
    assert line in info.card[CHANGED]
    with pytest.raises(CctaError, match="add it again"):
        find(str(folder))
    assert main(["models", "info", str(folder)]) == 2
    assert line in capsys.readouterr().err
    assert str(folder) in available_models()
    again = listed(str(folder))
    assert again.labels == ("neutral", "entailment", "contradiction")
    assert again.revision == info.revision != first.revision
    assert find(str(folder)) == again
    assert CHANGED not in again.card


def test_an_entry_of_an_earlier_version_is_out_of_date(folder):
    add(str(folder))
    path = cache_root() / FILE
    entries = json.loads(path.read_text("utf-8"))
    entries["models"][0]["revision"] = "local-123456789abc"
    del entries["models"][0]["outputs"]
    path.write_text(json.dumps(entries), "utf-8")
    assert CHANGED in added()[str(folder)].card
    assert listed(str(folder)).labels == LABELS


def test_a_listed_folder_that_is_gone_keeps_its_results(folder):
    info = add(str(folder))
    compare_cached(load_model(str(folder)), EN, ES, QUICK)
    shutil.rmtree(folder)
    assert added()[info.id] == info
    assert find_pair(find(info.id), EN, ES, QUICK) is not None


def test_a_listed_model_has_a_twin(folder):
    info = add(str(folder))
    twin = find(f"{info.id}{RANDOM_HEAD}")
    assert twin.revision == load_model(twin.id).revision == f"{info.revision}-random-head-0"


# Models of the hub


@pytest.fixture
def hub(tmp_path, monkeypatch, whole):
    """A cache of the hub with `owner/model` at commit a; the second is only known by its files."""
    root = tmp_path / "hub" / "models--owner--model"
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(root.parent))
    for commit in ("a" * 40, "b" * 40):
        shutil.copytree(whole, root / "snapshots" / commit)
    renamed(root / "snapshots" / ("b" * 40))
    (root / "refs").mkdir()
    (root / "refs" / "main").write_text("a" * 40)
    return root


def test_a_hub_model_is_known_by_the_snapshot_that_was_loaded(hub, whole):
    model = load_model("owner/model")
    assert model.id == "owner/model"
    assert model.revision == load_model(str(whole)).revision == local_place(model.id).revision()
    (hub / "refs" / "main").write_text("b" * 40)
    assert load_model("owner/model").labels[0] == "neutral"
    assert load_model("owner/model").revision != model.revision


def test_a_snapshot_with_other_files_under_one_commit_is_another_model(hub):
    before = load_model("owner/model").revision
    permuted(hub / "snapshots" / ("a" * 40))
    assert load_model("owner/model").revision != before


def test_a_listed_hub_model_follows_the_cache(hub):
    first = add("owner/model")
    assert added()["owner/model"] == first
    (hub / "refs" / "main").write_text("b" * 40)
    assert CHANGED in added()["owner/model"].card
    with pytest.raises(CctaError, match="add it again"):
        find("owner/model")
    assert listed("owner/model").labels[0] == "neutral"
    shutil.rmtree(hub)
    assert added()["owner/model"].labels[0] == "neutral"


def test_an_adapter_of_the_hub_over_a_base_of_the_hub(hub, whole, tmp_path):
    from tests.test_adapted import adapt

    folder = adapt(whole, tmp_path / "adapter", named="owner/model")
    model = load_model(str(folder))
    assert (model.labels, model.revision) == (LABELS, ModelPlace("", folder).revision())
    settings(folder, "adapter_config.json", revision="b" * 40)
    other = load_model(str(folder))
    assert (other.labels[0], other.revision == model.revision) == ("neutral", False)


# Studies

STUDY = {"languages": ("en", "es"), "limit": 2, "layers": (1,), "shuffles": 2, "unrelated": 0}


def test_a_study_begun_with_one_revision_refuses_another(folder, monkeypatch):
    add(str(folder))
    study = ccta.run_study("mine", "demo:nli", str(folder), **STUDY)
    begun = study.manifest.models[0]["revision"]
    assert begun == load_model(str(folder)).revision
    next((study.folder / "parts").rglob("*.parquet")).unlink()
    renamed(folder)
    now = load_model(str(folder)).revision
    with pytest.raises(CctaError, match=f"is now revision {now}, the study began with {begun}"):
        local.run("mine", workers=0)
    for extend in (False, True):
        request = StudyRequest(
            name="mine", data="demo:nli", models=[str(folder)], limit=2, layers=(1,)
        )
        with pytest.raises(CctaError, match=r"is another one|in another revision") as caught:
            local.create(request, extend=extend)
        assert "\n" not in str(caught.value)


def test_a_study_in_one_process_is_of_the_files_of_its_time(folder):
    """The last model that this process loaded lies under the same path."""
    rows = []
    for name, change in (("one", None), ("two", renamed), ("three", permuted)):
        if change:
            change(folder)
        study = ccta.run_study(name, "demo:nli", str(folder), **STUDY)
        rows.append(study.table().source_probability.tolist())
        alone = load_model(str(folder))
        item = ccta.read_corpus("demo:nli").examples[0]
        found = ccta.attribute(alone, [item.sentences["en"]], QUICK)[0]
        assert rows[-1][0] == pytest.approx(found.prediction[item.label], abs=1e-5)
    assert rows[0] != pytest.approx(rows[1], abs=1e-3)
    assert rows[0] == pytest.approx(rows[2], abs=1e-5)  # named anew, then turned: as it was


def test_maps_are_part_of_what_a_study_began_with(trained):
    words = {**STUDY, "space": "procrustes"}
    study = ccta.run_study("turned", "demo:nli", "own/nli", **words)
    assert "+maps-" in study.manifest.models[0]["revision"]
    next((study.folder / "parts").rglob("*.parquet")).unlink()
    maps = trained / "procrustes.safetensors"
    with maps.open("ab") as file:
        file.write(b" ")
    for change in (lambda: None, maps.unlink):
        change()
        with pytest.raises(CctaError, match=r"is now revision .*the study began with"):
            local.run("turned", workers=0)


# The dashboard


def test_the_dashboard_loads_anew_what_has_changed(folder):
    from dashboard import resources

    info = add(str(folder))
    first = resources._load_model(info)
    assert resources._load_model(info) is first
    renamed(folder)
    listed(str(folder))
    second = resources._load_model(find(str(folder)))
    assert (first.labels, second.labels[0]) == (LABELS, "neutral")
    permuted(folder)
    resources._cached_model.clear()
    changed = CHANGED in added()[str(folder)].card
    with pytest.raises(CctaError, match="have just changed: load the page again"):
        resources._load_model(info if changed else find(str(folder)))


def test_the_pages_say_that_a_model_is_out_of_date(folder):
    from streamlit.testing.v1 import AppTest

    from tests.test_dashboard import clean, said
    from tests.test_models_page import APP, widget

    add(str(folder))
    renamed(folder)
    app = AppTest.from_file(APP, default_timeout=120)
    app.switch_page("views/pair/pair.py")
    app.query_params["model"] = str(folder)
    app.run()
    assert "not known to be those that were added" in said(app)
    app = AppTest.from_file(APP, default_timeout=120)
    app.switch_page("views/models/models.py")
    app.query_params["model"] = str(folder)
    clean(app.run())
    assert "add it again" in said(app)
    app.session_state[widget("more")] = True
    app.run()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("dashboard.views.models.sources.add_apart", lambda name: add(name).id)
        clean(app.button(key=widget("again_0")).click().run())
    assert find(str(folder)).labels[0] == "neutral"


def test_the_shipped_folder_is_only_read():
    before = {path: path.stat().st_mtime_ns for path in SHIPPED.rglob("*")}
    catalog()
    assert {path: path.stat().st_mtime_ns for path in SHIPPED.rglob("*")} == before
    assert tokenizer_of("wordpiece").pad_token
