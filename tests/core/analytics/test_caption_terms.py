"""Words that mark captions: the paper's formula, word by word, and statsmodels' rule."""

import json
import math
from collections import defaultdict

import numpy as np
import pytest
from scipy.stats import norm
from statsmodels.stats.multitest import multipletests

from core import open_library
from core.analytics.caption_terms import caption_terms, no_words
from core.coco.caption_words import searched_words
from core.settings import PROJECT_ROOT
from tests.core import coco_files as files

PRIOR = 500.0


@pytest.fixture(scope="module")
def coco():
    return open_library().dataset("demo").coco


@pytest.fixture(scope="module")
def pictures_with():
    """The pictures with each word in a caption, from the parsed JSON."""
    (path,) = (PROJECT_ROOT / "data/demo/annotations").glob("captions*.json")
    pictures = defaultdict(set)
    for one in json.loads(path.read_bytes())["annotations"]:
        for word in searched_words(one["caption"]):
            pictures[word].add(one["image_id"])
    return pictures


def test_z_is_the_papers_word_by_word(coco, pictures_with):
    ids = set(coco.images.ids[:60].tolist())
    terms = caption_terms(coco, sorted(ids), prior=PRIOR)
    here = {word: len(of & ids) for word, of in pictures_with.items()}
    there = {word: len(of - ids) for word, of in pictures_with.items()}
    n_here, n_there = sum(here.values()), sum(there.values())
    assert list(terms.vocabulary) == sorted(pictures_with)
    for place, word in enumerate(terms.vocabulary):
        prior = PRIOR * (here[word] + there[word]) / (n_here + n_there)
        odds = [
            (y + prior) / (n + PRIOR - y - prior)
            for y, n in ((here[word], n_here), (there[word], n_there))
        ]
        delta = math.log(odds[0]) - math.log(odds[1])
        variance = 1 / (here[word] + prior) + 1 / (there[word] + prior)
        assert terms.images[place] == here[word]
        assert terms.all_images[place] == here[word] + there[word]
        assert terms.log_odds[place] == pytest.approx(delta)
        assert terms.z[place] == pytest.approx(delta / math.sqrt(variance))


def test_all_words_are_adjusted_together(coco):
    terms = caption_terms(coco, coco.images.ids[:60])
    p = 2 * norm.sf(np.abs(terms.z))
    assert np.allclose(terms.q, multipletests(np.minimum(p, 1), method="fdr_bh")[1])


def test_the_words_of_a_setting_mark_its_pictures(coco):
    ids = coco.images.ids[coco.with_words("beach")]
    terms = caption_terms(coco, ids)
    assert {"beach", "sea"} <= set(terms.vocabulary.take(terms.marking(8)))
    assert not set(terms.marking().tolist()) & set(terms.lacking().tolist())


def test_pictures_with_a_word_are_those_of_the_filter(coco):
    terms = caption_terms(coco, coco.images.ids)
    for word in ("dog", "beach", "a"):
        place = list(terms.vocabulary).index(word)
        assert terms.images[place] == int(coco.with_words(word).sum())


@pytest.mark.parametrize("ids", [slice(None), slice(0, 0)], ids=["all", "none"])
def test_all_pictures_and_none_have_no_word_that_stands_out(coco, ids):
    terms = caption_terms(coco, coco.images.ids[ids])
    assert np.isfinite(terms.z).all()
    assert not terms.marking().size
    assert not terms.lacking().size


def test_a_word_in_one_picture_is_no_mark(tmp_path):
    captions = [files.caption(i, i, "a dog") for i in range(1, 40)]
    captions.append(files.caption(40, 40, "a zebra"))
    images = [files.image(i) for i in range(1, 41)]
    dataset = files.dataset(tmp_path, captions=files.coco(images, captions))
    terms = caption_terms(dataset, [40])
    assert not terms.marking().size


@pytest.mark.parametrize(
    ("content", "ids", "says"),
    [
        ({"instances": files.instances_file([1])}, [1], "no captions"),
        ({"captions": files.captions_file([1])}, [], "no picture"),
        ({"captions": files.captions_file([1])}, [1], ""),
        ({"captions": files.coco([files.image(1)], [files.caption(1, 1, "…")])}, [1], "no words"),
        (
            {"captions": files.coco([files.image(1), files.image(2)], [files.caption(1, 1)])},
            [2],
            "no captions",
        ),
    ],
    ids=["no captions file", "no picture", "words", "no word", "captions of others only"],
)
def test_why_there_is_no_word(tmp_path, content, ids, says):
    sentence = no_words(files.dataset(tmp_path, **content), ids)
    assert says in sentence
    assert bool(sentence) == bool(says)
