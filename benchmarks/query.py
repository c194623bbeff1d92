"""A whole query: from a text to the best 100 pictures with their captions and instances.

Everything is warm: the model is loaded, the annotations are indexed, no text was asked before.
The reference is the way of the tool before: for each query it reads the .npy files and parses
the 32 MB of captions anew, encodes all 77 tokens by open_clip's plain call, sorts all scores and
looks through lists; it knows no instances, which are read here too.
"""

import json
import os
import statistics
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import cycle, product
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from benchmarks import inputs
from benchmarks.rows import Repeats, Row, at_least, at_most, bounded, faster, seconds
from core.library import open_library
from core.searchable import SearchableDataset
from core.settings import Settings

TOP = 100
TIMES_FASTER = 50
MS = 25
TEXTS = [
    f"{number} {what} {where}"
    for number, what, where in product(
        ("a", "two", "several", "no"),
        ("dog", "people", "red bus", "plate of food", "cat", "umbrella", "train"),
        ("on a beach", "in a city", "at night", "in the snow", "in a kitchen", "by a lake"),
    )
]
STEM = "image_coco_validation_2014"


def rows(quick: bool) -> list[Row]:
    """Measure; `quick` has 2,000 pictures."""
    home = own_home(inputs.val2014_with_model(small=quick))
    settings = Settings(home=home, cache=inputs.converted(), offline=True)
    dataset = open_library(settings).dataset("val2014", "clip")
    warm(dataset)
    texts, note = iter(cycle(TEXTS)), "2,000 pictures; " if quick else ""
    alone = [seconds(lambda: ask(dataset, next(texts))) for _ in range(15 if quick else 60)]
    old = old_way(home)
    in_turns = [
        (seconds(lambda: ask(dataset, next(texts))), seconds(lambda: old(next(texts))))
        for _ in range(2 if quick else 9)
    ]
    encodings, again = repeated(dataset, "a giraffe that nobody asked for", 50)
    return [
        faster(
            "whole query against the old way",
            Repeats(*zip(*in_turns, strict=True)),
            at_least(TIMES_FASTER),
            note=f"{note}.npy and captions read anew, 77 tokens, lists looked through",
        ),
        bounded(
            "whole query, p50",
            [1e3 * one for one in alone],
            at_most(MS),
            unit="ms",
            note=note + steps(dataset, texts),
        ),
        bounded("same text again", [encodings], at_most(0), unit="encodings", note="50 times"),
        bounded("same text again, time", [1e3 * one for one in again], None, unit="ms", note=note),
    ]


def ask(dataset: SearchableDataset, text: str) -> tuple[Any, ...]:
    """Return what is found, with the captions and the instances of each picture."""
    found = dataset.search(text, top_k=TOP)
    coco, ids = found.dataset.coco, found.image_ids
    return found, coco.captions_of(ids), coco.annotations_of(ids, "instances")


def steps(dataset: SearchableDataset, texts: Iterator[str]) -> str:
    """Say what the parts of a query take, each the median of some."""
    coco, memory = dataset.coco, dataset.library.memory
    taken: dict[str, list[float]] = {"text": [], "order": [], "captions": [], "instances": []}
    for _ in range(15):
        text = next(texts)
        taken["text"].append(seconds(lambda text=text: dataset.encoder.encode_texts([text])))
        ids = dataset.search(text, top_k=TOP).image_ids
        memory.rankings.clear()  # the vectors of texts are kept
        taken["order"].append(seconds(lambda text=text: dataset.search(text, top_k=TOP)))
        taken["captions"].append(seconds(lambda ids=ids: coco.captions_of(ids)))
        taken["instances"].append(seconds(lambda ids=ids: coco.annotations_of(ids, "instances")))
    medians = {name: 1e3 * statistics.median(values) for name, values in taken.items()}
    runtime = getattr(dataset.encoder, "runtime", "torch")
    return f"by {runtime}; of it " + ", ".join(f"{name} {ms:.1f}" for name, ms in medians.items())


def repeated(dataset: SearchableDataset, text: str, times: int) -> tuple[float, list[float]]:
    """Ask the same again with other cuts; return the encodings made and the seconds taken."""
    dataset.search(text)
    with counted(dataset) as made:
        taken = [
            seconds(lambda top=top: dataset.search(text, top_k=top)) for top in range(1, times + 1)
        ]
    return float(len(made)), taken


@contextmanager
def counted(dataset: SearchableDataset) -> Iterator[list[str]]:
    """Give a list to which each text that is encoded is added."""
    made: list[str] = []
    kind = type(dataset.encoder)
    plain = kind.encode_texts

    def counting(encoder: Any, texts: Any, *rest: Any) -> Any:
        made.extend(texts)
        return plain(encoder, texts, *rest)

    with patch.object(kind, "encode_texts", counting):
        yield made


def old_way(home: Path) -> Callable[[str], list[dict[str, Any]]]:
    """Return what the tool before did for each query, its model loaded once."""
    import open_clip
    import torch

    # Random weights, as the checkpoint has: which they are changes no time.
    model = open_clip.create_model("ViT-B-32", pretrained=None).eval()
    tokenize = open_clip.get_tokenizer("ViT-B-32")

    def search(text: str) -> list[dict[str, Any]]:
        vectors = np.load(home / f"embeddings/{STEM}_embeddings.npy")
        names = np.load(home / f"embeddings/{STEM}_filenames.npy").tolist()
        with torch.inference_mode():
            vector = model.encode_text(tokenize([text]), normalize=True).numpy()[0]
        best = np.argsort(-(vectors @ vector))[:TOP]
        chosen = [names[row] for row in best]
        captions = json.loads((home / "data/captions_val2014.json").read_bytes())
        ids = [image["id"] for image in captions["images"] if image["file_name"] in chosen]
        return [one for one in captions["annotations"] if one["image_id"] in ids]

    search(TEXTS[0])
    return search


def warm(dataset: SearchableDataset) -> None:
    """Open, load and import all that a query needs."""
    for number in range(5):
        ask(dataset, f"warm-up {number}")


def own_home(shared: Path) -> Path:
    """The same files in a folder where indexes may be written beside them."""
    home = shared.parent / f"query-{shared.name}"
    for path in shared.rglob("*"):
        if path.is_file() and ".index" not in path.parts and "cache" not in path.parts:
            target = home / path.relative_to(shared)
            target.parent.mkdir(parents=True, exist_ok=True)
            if not target.exists():
                os.link(path, target)
    return home
