"""A dataset of all that a COCO file may hold against those who read it: made up from a seed."""

import json
import random
from pathlib import Path
from typing import Any

from core.coco import CocoDataset
from tests.core.coco_files import caption, dataset, image, instance

IDS = [0, 1, 42, 2**31, 2**32 + 5, 2**53 + 3, 2**63 - 1, *range(100, 150)]
ONLY_CAPTIONED = 200
UNKNOWN_CATEGORY = 777

CATEGORIES: list[dict[str, Any]] = [
    {"id": 2**40, "name": "dog", "supercategory": "animal"},
    {"id": 3, "name": "dog", "supercategory": "person"},
    {"id": 4, "name": "animal", "supercategory": "thing"},
    {"id": 5, "name": "person", "supercategory": "person"},
    {"id": 6, "name": " hot\t\tdog ", "supercategory": None},
    {"id": 7, "name": "<img src=x onerror=alert(1)>", "supercategory": "<b>"},
    {"id": 8, "name": "a>=2", "supercategory": "super:x"},
    {"id": 9, "name": "super:animal", "supercategory": "🐶"},
    {"id": -10, "name": "كلب", "supercategory": ""},
    {"id": 11, "name": " ", "supercategory": "\u0007"},
]
LICENSES = [
    {"id": 1, "name": "One", "url": "http://creativecommons.org/licenses/by-nc/2.0/"},
    {"id": 2, "name": "<i>Two</i>", "url": "https://creativecommons.org/licenses/by-nd/4.0/"},
    {"id": 3, "name": "Three", "url": "javascript://creativecommons.org/licenses/by/2.0/"},
    {"id": 2**40, "name": "", "url": "http://www.usa.gov/copyright.shtml"},
    {"id": 5, "name": None, "url": 7},
    {"id": -1, "name": "None", "url": "http://creativecommons.org/licenses/by/2.0/"},
]
CAPTIONS = [
    "A dog.",
    "a <b>dog</b> & a <script>alert(1)</script>",
    "the dog's bowl, and a hot-dog",
    "DOG\x00DOG \r\n red\tball",
    "كلب على الشاطئ \u202eabc",
    "Cafe\u0301 Straße ΣΊΣΥΦΟΣ",
    "CAF\u00c9 STRASSE σίσυφος",
    "ein Hund 🐶🐶 und 👩\u200d🚀",
    "हिन्दी में कुत्ता",
    "half a \ud83d surrogate",
    "",
    " …!? ",
    "red ball",
    "a ball, red",
    "dogs and hotdogs",
    "犬と猫",
    "''''",
]
AREAS: list[Any] = [
    *(0, -5, 1023.999, 1024, 1024.0001, 9215.99, 9216, 1e308),
    *(float("inf"), float("nan"), None, "12", True),
]


def hostile_files(seed: int = 3) -> dict[str, Any]:
    """The files `instances` and `captions` as parsed JSON; the same seed gives the same."""
    dice = random.Random(seed)
    images = [_image(image_id, dice) for image_id in IDS]
    instances = [_instance(number, dice) for number in range(600)]
    captioned = [*images[:-5], image(ONLY_CAPTIONED, license=2)]
    captions = [
        caption(number, dice.choice([*IDS[:-5], ONLY_CAPTIONED, 999]), dice.choice(CAPTIONS))
        for number in range(120)
    ]
    head = {"info": {}, "licenses": LICENSES}
    return {
        "instances": {
            **head,
            "categories": CATEGORIES,
            "images": images,
            "annotations": instances,
        },
        "captions": {**head, "images": captioned, "annotations": captions},
    }


def make_hostile(home: Path) -> CocoDataset:
    """Write `hostile_files()` below `home`, and open them."""
    return dataset(home, **{kind: json.dumps(file) for kind, file in hostile_files().items()})


def _image(image_id: int, dice: random.Random) -> dict[str, Any]:
    sides = dice.choice([(640, 480), (480, 640), (64, 64), (0, 0), (-3, 5), (640, None), (1, 1)])
    record = image(image_id, width=sides[0], height=sides[1])
    record["license"] = dice.choice([1, 2, 3, 2**40, 5, 99, -1, None, "1"])
    if dice.random() < 0.1:
        del record["license"], record["width"]
    return record


def _instance(number: int, dice: random.Random) -> dict[str, Any]:
    # The last pictures have none, and some instances are of a picture that nobody lists.
    record = instance(
        2**62 + number,
        dice.choice([*IDS[:-8], 999]),
        category_id=dice.choice([one["id"] for one in CATEGORIES] + [UNKNOWN_CATEGORY]),
        area=dice.choice(AREAS),
        iscrowd=dice.choice([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, None, False, True, 1]),
    )
    if dice.random() < 0.1:
        del record["area"], record["bbox"], record["iscrowd"]
    return record
