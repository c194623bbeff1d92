"""The drawn dataset: scenes chosen, painted and written in the file shapes of COCO val2014."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from core.atomic import atomic_folder, write_text
from core.coco import DatasetManifest, manifest_text
from core.demo.captions import Claims, write_captions
from core.demo.categories import CATEGORIES, SETTINGS
from core.demo.facts import FACTS, Facts, write_facts
from core.demo.glyphs import GlyphSet
from core.demo.outlines import SMALLEST, bounding_box, polygons, run_lengths
from core.demo.painting import Painting, paint_with_masks, visible_masks
from core.demo.scenes import HABITS, Content, Scene, sample_scene
from core.progress import NoProgress, Progress

WIDTH, HEIGHT = 640, 480
QUALITY = 85
SEED = 2014
COUNT = 440
EMPTY = 8
CROWDS = 14
LEAST_SEEN = 0.5  # share of each object that must be visible in a shipped picture

LICENSES = [
    {"url": url, "id": number, "name": name}
    for number, (name, url) in enumerate(
        (
            ("Attribution-NonCommercial-ShareAlike License",
             "http://creativecommons.org/licenses/by-nc-sa/2.0/"),
            ("Attribution-NonCommercial License", "http://creativecommons.org/licenses/by-nc/2.0/"),
            ("Attribution-NonCommercial-NoDerivs License",
             "http://creativecommons.org/licenses/by-nc-nd/2.0/"),
            ("Attribution License", "http://creativecommons.org/licenses/by/2.0/"),
            ("Attribution-ShareAlike License", "http://creativecommons.org/licenses/by-sa/2.0/"),
            ("Attribution-NoDerivs License", "http://creativecommons.org/licenses/by-nd/2.0/"),
            ("No known copyright restrictions", "http://flickr.com/commons/usage/"),
            ("United States Government Work", "http://www.usa.gov/copyright.shtml"),
        ),
        start=1,
    )
]  # fmt: skip

# What the example queries ask for is there to be found.
SHOWN_PAIRS = (("dog", "beach"), ("car", "night city"))
EXAMPLES = (
    "a dog on a beach",
    "cars at night",
    "something to eat",
    "animals in the snow",
    "furniture",
)


@dataclass(frozen=True, slots=True)
class Summary:
    """What was written."""

    folder: str
    images: int
    captions: int
    instances: int
    crowds: int
    without_instances: int
    categories: int
    settings: int
    picture_bytes: int


def build_dataset(
    folder: Path,
    glyphs: GlyphSet,
    count: int = COUNT,
    seed: int = SEED,
    progress: Progress | None = None,
) -> Summary:
    """Draw `count` scenes and write them to `folder`, which is replaced when all is done.

    The same seed and library versions give the same bytes.
    """
    progress = progress or NoProgress()
    rng = np.random.default_rng(seed)
    documents = _Documents()
    with atomic_folder(folder) as temporary:
        (temporary / "images").mkdir()
        (temporary / "annotations").mkdir()
        for number, (scene, painting) in enumerate(_chosen(rng, glyphs, count), 1):
            documents.add(number, scene, painting, rng)
            path = temporary / "images" / file_name(number)
            painting.image.save(path, quality=QUALITY, optimize=True)
            progress.update(number, count)
        documents.write(temporary)
        size = sum(path.stat().st_size for path in (temporary / "images").iterdir())
    return documents.summary(folder, size)


def manifest_in(folder: Path) -> DatasetManifest:
    """Return what dataset.toml says of the demo when it lies in `folder`."""
    return DatasetManifest(
        title="Demo: drawn scenes",
        split="demo",
        annotations={
            kind: folder / "annotations" / f"{kind}_demo.json" for kind in ("captions", "instances")
        },
        pictures=folder / "images",
        drawn=True,
        examples=EXAMPLES,
    )


def file_name(image_id: int) -> str:
    """Return the file name of a drawn picture; it says that it is one."""
    return f"COCO_demo_drawing_{image_id:012d}.jpg"


def _chosen(
    rng: np.random.Generator, glyphs: GlyphSet, count: int
) -> Iterator[tuple[Scene, Painting]]:
    """Yield scenes of different contents, settings and categories in balance, in mixed order."""
    names = tuple(SETTINGS)
    kinds = ["empty"] * min(EMPTY, count // 8) + ["crowd"] * min(CROWDS, count // 8)
    kinds += ["plain"] * (count - len(kinds))
    rng.shuffle(kinds)
    wanted = {setting: [category] * (count // 60) for category, setting in SHOWN_PAIRS}
    shown: set[Content] = set()
    often: Counter[str] = Counter()
    for position, kind in enumerate(kinds):
        setting = names[position % len(names)]
        pair = wanted.get(setting) if kind == "plain" else None
        category = pair.pop() if pair else None
        scene, painting = _next(rng, glyphs, setting, kind, shown, often, category)
        shown.add(scene.content)
        often.update(scene.content.categories)
        yield scene, painting


def _next(
    rng: np.random.Generator,
    glyphs: GlyphSet,
    setting: str,
    kind: str,
    shown: set[Content],
    often: Counter[str],
    category: str | None,
) -> tuple[Scene, Painting]:
    """Return the best of a few scenes: new, of categories that are rare so far, well visible;
    with `category` in it if one is named."""
    while True:
        candidates = [_new(rng, setting, kind, shown, category) for _ in range(5)]
        candidates.sort(key=lambda scene: _rarity(scene.content, often))
        for scene in candidates:
            if _well_seen(scene, glyphs):
                return scene, paint_with_masks(scene, glyphs, WIDTH, HEIGHT)


def _new(
    rng: np.random.Generator, setting: str, kind: str, shown: set[Content], category: str | None
) -> Scene:
    """Return a scene of that kind whose content is kept for the dataset and not yet in it.

    Another setting is taken when `setting` has none; of empty scenes there are so few
    that their contents come again, in other drawings.
    """
    while True:
        for _ in range(400 if category is None else 40_000):
            scene = sample_scene(rng, setting)
            if kind == "empty":
                scene = Scene(setting, (), scene.seed)
            if _kind(scene) != kind or not scene.content.reserved:
                continue
            if category is not None and category not in scene.content.categories:
                continue
            if kind == "empty" or scene.content not in shown:
                return scene
        setting = tuple(SETTINGS)[int(rng.integers(len(SETTINGS)))]


def _kind(scene: Scene) -> str:
    if not scene.objects:
        return "empty"
    return "crowd" if any(thing.crowd for thing in scene.objects) else "plain"


def _rarity(content: Content, often: Counter[str]) -> float:
    """Return how often the categories were shown so far, on average, and less is better.

    What is rare so far is often so because it is a stranger here, so strangers count more.
    """
    categories = content.categories
    strangers = sum(content.setting not in HABITS[name].homes for name in categories)
    shown = sum(often[name] for name in categories) / max(1, len(categories))
    return shown + 0.35 * strangers


def _well_seen(scene: Scene, glyphs: GlyphSet) -> bool:
    """Return whether nothing, except in a crowd, is mostly hidden."""
    masks = visible_masks(scene, glyphs, WIDTH, HEIGHT)
    for thing, mask in zip(scene.objects, masks, strict=True):
        if thing.crowd:
            continue
        alone = Scene(scene.setting, (thing,), scene.seed)
        whole = visible_masks(alone, glyphs, WIDTH, HEIGHT).sum()
        if mask.sum() < max(LEAST_SEEN * whole, SMALLEST):
            return False
    return True


@dataclass(slots=True)
class _Documents:
    """The annotation files while they grow."""

    images: list[dict[str, Any]] = field(default_factory=list)
    instances: list[dict[str, Any]] = field(default_factory=list)
    captions: list[dict[str, Any]] = field(default_factory=list)
    contents: dict[int, Content] = field(default_factory=dict)
    claims: dict[int, Claims] = field(default_factory=dict)

    def add(self, number: int, scene: Scene, painting: Painting, rng: np.random.Generator) -> None:
        self.images.append(_image(number, rng))
        self.contents[number] = scene.content
        for caption in write_captions(scene, rng):
            ident = len(self.captions) + 1
            self.captions.append({"image_id": number, "id": ident, "caption": caption.text})
            self.claims[ident] = caption.claims
        crowds: dict[str, np.ndarray] = {}
        for thing, mask in zip(scene.objects, painting.masks, strict=True):
            if thing.crowd:
                crowds[thing.category] = crowds.get(thing.category, False) | mask
            else:
                self._add_instance(number, thing.category, mask)
        for category, mask in crowds.items():
            self._add_crowd(number, category, mask)

    def _add_instance(self, image_id: int, category: str, mask: np.ndarray) -> None:
        plain = sum(1 for instance in self.instances if not instance["iscrowd"])
        self.instances.append(_instance(polygons(mask), mask, 0, image_id, category, plain + 1))

    def _add_crowd(self, image_id: int, category: str, mask: np.ndarray) -> None:
        # COCO's crowd ids are of this size too: more than 32 bits.
        ident = 900_000_000_000 + _CATEGORY_IDS[category] * 100_000_000 + image_id
        self.instances.append(_instance(run_lengths(mask), mask, 1, image_id, category, ident))

    def write(self, folder: Path) -> None:
        head = {"info": _INFO, "images": self.images, "licenses": LICENSES}
        categories = [
            {"supercategory": c.supercategory, "id": c.id, "name": c.name} for c in CATEGORIES
        ]
        annotations = folder / "annotations"
        _write_json(annotations / "captions_demo.json", head | {"annotations": self.captions})
        _write_json(
            annotations / "instances_demo.json",
            head | {"annotations": self.instances, "categories": categories},
        )
        write_facts(Facts(self.contents, self.claims), folder / FACTS)
        write_text(folder / "dataset.toml", manifest_text(manifest_in(folder), folder))

    def summary(self, folder: Path, picture_bytes: int) -> Summary:
        crowds = sum(instance["iscrowd"] for instance in self.instances)
        return Summary(
            folder=str(folder),
            images=len(self.images),
            captions=len(self.captions),
            instances=len(self.instances),
            crowds=crowds,
            without_instances=sum(not content.counts for content in self.contents.values()),
            categories=len({i["category_id"] for i in self.instances}),
            settings=len({content.setting for content in self.contents.values()}),
            picture_bytes=picture_bytes,
        )


_CATEGORY_IDS = {category.name: category.id for category in CATEGORIES}

_INFO = {
    "description": "Drawn scenes in COCO's format, made by the CocoSift project; no photographs. "
    "License ids are examples, so that filters have something to do.",
    "url": "http://cocosift.invalid",
    "version": "1.0",
    "year": 2026,
    "contributor": "CocoSift",
    "date_created": "2026/11/24",
}


def _image(number: int, rng: np.random.Generator) -> dict[str, Any]:
    moment = datetime(2026, 1, 1) + timedelta(seconds=int(rng.integers(320 * 86_400)))
    name = file_name(number)
    return {
        "license": int(rng.integers(1, len(LICENSES) + 1)),
        "file_name": name,
        "coco_url": f"http://images.cocosift.invalid/demo/{name}",
        "height": HEIGHT,
        "width": WIDTH,
        "date_captured": moment.strftime("%Y-%m-%d %H:%M:%S"),
        "flickr_url": f"http://drawings.cocosift.invalid/{number:06d}_{rng.integers(16**10):010x}.jpg",
        "id": number,
    }


def _instance(
    segmentation: Any, mask: np.ndarray, crowd: int, image_id: int, category: str, ident: int
) -> dict[str, Any]:
    return {
        "segmentation": segmentation,
        "area": int(mask.sum()) if crowd else float(mask.sum()),
        "iscrowd": crowd,
        "image_id": image_id,
        "bbox": bounding_box(mask),
        "category_id": _CATEGORY_IDS[category],
        "id": ident,
    }


def _write_json(path: Path, document: dict[str, Any]) -> None:
    write_text(path, json.dumps(document))
