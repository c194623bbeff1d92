"""The benchmark's synthetic val2014 opens as a dataset of the flat layout."""

import hashlib

import numpy as np

from benchmarks.val2014_files import write_val2014
from core.coco import find_datasets, open_dataset
from tests.core.coco_files import home

COUNTS = {"pictures": 300, "captions": 1500, "instances": 2100, "dimension": 16}


def test_the_files_open_as_val2014(tmp_path):
    files = write_val2014(tmp_path, **COUNTS)
    settings = home(tmp_path)
    dataset = open_dataset(find_datasets(settings)["val2014"], settings)

    assert (len(dataset.images), len(dataset.instances), len(dataset.categories)) == (300, 2100, 80)
    assert dataset.summary().annotations == {"captions": 1500, "instances": 2100}
    assert dataset.notes() == ()
    assert dataset.instances.iscrowd.any()
    assert np.load(files.filenames).tolist() == list(dataset.images.file_names)
    assert np.load(files.coco_urls).tolist() == list(dataset.images.coco_urls)
    vectors = np.load(files.embeddings)
    assert (vectors.dtype, vectors.shape) == (np.float32, (300, 16))
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)


def test_the_same_seed_gives_the_same_bytes(tmp_path):
    first, second = (write_val2014(tmp_path / name, **COUNTS) for name in "ab")

    for name in ("captions", "instances", "embeddings"):
        one, two = (getattr(files, name).read_bytes() for files in (first, second))
        assert hashlib.sha256(one).digest() == hashlib.sha256(two).digest()
