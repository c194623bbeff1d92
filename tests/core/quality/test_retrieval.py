"""Retrieval is measured among the pictures that were chosen, by published definitions."""

import json
import re

import numpy as np
import pytest

from core.errors import QueryError
from core.library import Library
from core.progress import Cancelled
from core.quality.published import PUBLISHED, published_recall
from core.quality.retrieval import measure_retrieval
from core.quality.work import measured
from core.settings import PROJECT_ROOT, Settings
from tests.conftest import run_core
from tests.core.fetch.faulty_server import Served, faulty_server


@pytest.fixture
def demo(tmp_path):
    settings = Settings(home=PROJECT_ROOT, cache=tmp_path / "cache", offline=True)
    return Library(settings).dataset("demo", "demo")


@pytest.fixture
def some_ids(demo):
    return np.sort(demo.embeddings.image_ids)[::7].tolist()


def by_hand(demo, ids, captions_each=None):
    """Recall at 1 both ways and the median ranks, by the whole table of scores in float64."""
    ids = np.sort(np.array(ids))
    order = np.argsort(demo.embeddings.image_ids)
    rows = order[np.searchsorted(demo.embeddings.image_ids[order], ids)]
    images = np.array(demo.embeddings.vectors[rows], np.float64)
    records = demo.coco.annotations_of(ids, "captions")
    texts, own = [], []
    for row, some in enumerate(records):
        for record in some[:captions_each]:
            texts.append(record["caption"])
            own.append(row)
    scores = demo.encoder.encode_texts(texts).astype(np.float64) @ images.T
    own = np.array(own)
    of_captions = 1 + (scores > scores[np.arange(len(own)), own][:, None] + 1e-9).sum(1)
    belongs = own[:, None] == np.arange(len(ids))
    best = np.where(belongs, scores, -np.inf).max(0)
    of_pictures = 1 + (np.where(belongs, -np.inf, scores) > best + 1e-9).sum(0)
    return of_captions, of_pictures


def test_of_all_pictures_it_is_what_quality_measures(demo):
    found, known = measure_retrieval(demo), measured(demo, None)
    for name, mine in (("captions", found.captions), ("pictures", found.pictures)):
        theirs = known.overall(name)
        assert mine.n == theirs.queries
        assert mine.median_rank == theirs.median_rank.value
        for k, figure in mine.recall.items():
            assert figure.value == theirs.recall[k].value
            assert figure.interval() == theirs.recall[k].interval()


@pytest.mark.parametrize("captions_each", [None, 3])
def test_only_chosen_pictures_and_their_captions_compete(demo, some_ids, captions_each):
    found = measure_retrieval(demo, some_ids, captions_each)
    assert found.image_ids.tolist() == some_ids
    of_captions, of_pictures = by_hand(demo, some_ids, captions_each)
    assert (found.captions.n, found.pictures.n) == (len(of_captions), len(some_ids))
    # Scenes of the demo share captions, so a few scores are equal up to rounding.
    for k, figure in found.captions.recall.items():
        assert figure.value == pytest.approx((of_captions <= k).mean(), abs=0.01)
    for k, figure in found.pictures.recall.items():
        assert figure.value == pytest.approx((of_pictures <= k).mean(), abs=0.05)


def test_fewer_competitors_are_easier_to_tell_apart(demo, some_ids):
    few, all_of_them = measure_retrieval(demo, some_ids), measure_retrieval(demo)
    assert few.captions.recall[1].value > all_of_them.captions.recall[1].value


def test_pictures_that_are_not_here_are_left_out(demo, some_ids):
    found = measure_retrieval(demo, [*some_ids, 999_999_999])
    assert found.image_ids.tolist() == some_ids


def test_too_few_pictures_are_named(demo):
    with pytest.raises(QueryError, match=r"at least 2 pictures.*found 0.*--ids"):
        measure_retrieval(demo, [999_999_999])


def test_what_was_encoded_before_a_stop_is_not_encoded_again(demo):
    class Stop:
        def update(self, done, total):
            if done > total / 2:
                raise Cancelled

    with pytest.raises(Cancelled):
        measure_retrieval(demo, progress=Stop())
    encoded = []
    encoder = demo.encoder
    original = type(encoder).encode_texts

    class Counting:
        def __getattr__(self, name):
            return getattr(encoder, name)

        def encode_texts(self, texts):
            encoded.extend(texts)
            return original(encoder, texts)

    class Watched:
        encoder = Counting()

        def __getattr__(self, name):
            return getattr(demo, name)

    found = measure_retrieval(Watched())
    assert 0 < len(encoded) < 0.6 * found.captions.n


class TestTheCommand:
    def test_says_both_directions(self, tiny_home):
        result = run_core("evaluate", "--dataset", "tiny", "--model", "tiny", home=tiny_home)
        assert result.exit_code == 0, result.stderr
        assert "caption -> picture  recall@1" in result.stdout
        assert "picture -> caption  recall@10" in result.stdout
        assert "ceiling" not in result.stdout

    def test_says_of_a_drawn_dataset_what_a_perfect_ranker_reaches(self, tmp_path):
        result = run_core("evaluate", home=PROJECT_ROOT, COCOSIFT_CACHE=str(tmp_path))
        assert result.exit_code == 0, result.stderr
        assert "recall@1_ceiling      0.8" in result.stdout
        assert "picture -> caption  recall@1" in result.stdout

    def test_takes_a_list(self, tiny_home, tmp_path):
        listed = tmp_path / "ids.txt"
        listed.write_text("101\n103\n105\n999\n")
        result = run_core(
            "evaluate", "--dataset", "tiny", "--ids", str(listed), "--json", home=tiny_home
        )
        assert result.exit_code == 0, result.stderr
        figures = json.loads(result.stdout)
        assert figures["n"]["images"] == 3
        assert figures["caption_to_image"]["n"] == 3
        assert figures["image_to_caption"]["n"] == 3
        assert figures["recall@1"] == figures["caption_to_image"]["recall@1"]
        assert "1 of the 4 pictures listed are not in 'tiny'" in result.stderr

    def test_takes_a_list_from_an_address(self, tiny_home):
        with faulty_server() as server:
            server.files["/ids"] = Served(b"[101, 103]")
            result = run_core(
                "evaluate",
                "--dataset",
                "tiny",
                "--ids",
                server.url("/ids"),
                "--json",
                home=tiny_home,
                COCOSIFT_OFFLINE="",
            )
        assert json.loads(result.stdout)["n"]["images"] == 2

    def test_takes_a_split_of_a_list_and_prints_what_was_published(self, tiny_home_copy, tmp_path):
        images = [{"cocoid": number, "split": "test"} for number in range(101, 107)]
        listed = tmp_path / "dataset_coco.json"
        listed.write_text(json.dumps({"images": [*images, {"cocoid": 110, "split": "val"}]}))
        manifest = tiny_home_copy / "models" / "tiny" / "model.json"
        stated = json.loads(manifest.read_text())
        stated |= {"source": {"pretrained": "openai"}, "architecture": "ViT-B-32"}
        manifest.write_text(json.dumps(stated))
        arguments = ("evaluate", "--dataset", "tiny", "--split", "karpathy-test")
        result = run_core(*arguments, "--ids", str(listed), home=tiny_home_copy)
        assert result.exit_code == 0, result.stderr
        assert "6 pictures, 6 captions" in result.stdout
        assert "published 0.304" in result.stdout
        as_json = run_core(*arguments, "--ids", str(listed), "--json", home=tiny_home_copy)
        assert json.loads(as_json.stdout)["published"]["image_to_caption"]["recall@1"] == 0.5012

    def test_says_what_a_split_may_be(self, tiny_home):
        result = run_core("evaluate", "--dataset", "tiny", "--split", "test", home=tiny_home)
        assert result.exit_code == 2
        assert "karpathy-test or karpathy-val" in result.stderr

    def test_takes_captions_one_way_or_the_other(self, tiny_home):
        result = run_core(
            *("evaluate", "--dataset", "tiny", "--captions", "5", "--captions-each", "2"),
            home=tiny_home,
        )
        assert result.exit_code == 2
        assert "found both" in result.stderr


class TestPublishedFigures:
    def test_rise_with_k_and_lie_between_nothing_and_all(self):
        for one in PUBLISHED.values():
            for recall in (one.captions, one.pictures):
                values = list(recall.values())
                assert list(recall) == [1, 5, 10]
                assert values == sorted(values)
                assert 0 < values[0] < values[-1] < 1

    def test_are_found_by_what_a_model_says_of_itself(self, tmp_path):
        stated = {"architecture": "ViT-B-32-quickgelu", "source": {"pretrained": "openai"}}
        (tmp_path / "model.json").write_text(json.dumps(stated))
        assert published_recall(tmp_path) == PUBLISHED["ViT-B-32", "openai"]

    @pytest.mark.parametrize(
        "content", ["", "[]", "{}", '{"architecture": "ViT-B-32", "source": 3}', '{"source": {}}']
    )
    def test_are_none_where_a_model_does_not_say(self, tmp_path, content):
        assert published_recall(tmp_path) is None
        (tmp_path / "model.json").write_text(content)
        assert published_recall(tmp_path) is None

    def test_are_those_that_the_documentation_has(self):
        text = (PROJECT_ROOT / "docs" / "models.md").read_text("utf-8")
        rows = re.findall(r"^\| ([\w-]+), (\w+) \|((?: [0-9.]+ \|)+)$", text, re.MULTILINE)
        said = {
            (name, tag): [float(cell) for cell in cells.split("|")[:-1]]
            for name, tag, cells in rows
        }
        known = {
            key: [
                float(f"{value + 1e-9:.3f}")
                for recall in (one.captions, one.pictures)
                for value in recall.values()
            ]
            for key, one in PUBLISHED.items()
        }
        assert said == known
