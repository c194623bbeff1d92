"""A small dataset with all that COCO files hold and copying might spoil.

Written by hand as text, because a JSON writer would not give numbers such as `1.0` beside
`1`, escapes, ids beyond 32 bits, unknown keys and uneven spacing.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from core.coco import CocoDataset, open_dataset, register_dataset
from core.export import ExportRequest
from core.images import PictureStore
from core.settings import Settings

IMAGES = r"""[
    {"id": 7, "file_name": "val/x.png", "width": 40, "height": 30, "license": 2,
     "coco_url": "http://pictures.invalid/7.png", "date_captured": "2013-11-14 17:02:52"},
    {"license": 1, "file_name": "test/x.png", "height": 30, "width": 40, "id": 3,
     "extra": {"deep": [1, 1.0, 1e0, null, "\u00e9\/"]}},
    {"id": 9007199254740995, "file_name": "żółw \"1\".jpg", "width": 64, "height": 48},
    {"id": 12, "file_name": "plain.jpg", "width": 64, "height": 48, "license": 1}
  ]"""
INSTANCES = r"""{"info": {"year": 2014, "version": "1.0", "\u0069tem": "ü"},
  "type": "instances",
  "licenses": [{"id": 1, "name": "One", "url": "http://licence.invalid/1"},
               {"id": 2, "name": "Zwö", "url": "http://licence.invalid/2"}],
  "images": IMAGES,
  "annotations": [
    {"id": 1, "image_id": 3, "category_id": 18, "iscrowd": 0, "area": 100,
     "bbox": [1, 2.0, 10.50, 1e1], "segmentation": [[1, 2, 11.5, 2, 11.50, 12, 1, 12]]},
    {"id": 900100257839, "image_id": 7, "category_id": 1, "iscrowd": 1, "area": 6.0,
     "bbox": [2, 0, 2, 3], "segmentation": {"counts": [60, 3, 27, 3, 1107], "size": [30, 40]}},
    {"id": 2, "image_id": 7, "category_id": 1, "iscrowd": 1, "area": 6,
     "bbox": [2, 0, 2, 3], "segmentation": {"counts": "l13k00hQ1", "size": [30, 40]}},
    {"id": 4, "image_id": 3, "category_id": 44, "iscrowd": 0, "area": 0.1000000000000000055,
     "bbox": [0, 0, 0, 0], "segmentation": [], "attributes": {"occluded": true}},
    {"id": 5, "image_id": 9007199254740995, "category_id": 44, "iscrowd": 0, "area": 12.25,
     "bbox": [5, 5, 3.5, 3.5], "segmentation": [[5, 5, 8.5, 5, 8.5, 8.5, 5, 8.5]]}
  ],
  "categories": [{"id": 1, "name": "person", "supercategory": "person"},
                 {"id": 18, "name": "dog", "supercategory": "animal"},
                 {"id": 44, "name": "bottle", "supercategory": "kitchen"}]
}
""".replace("IMAGES", IMAGES)
CAPTIONS = r"""{"info": {"year": 2014}, "licenses": [],
  "images": IMAGES,
  "annotations": [
    {"image_id": 3, "id": 31, "caption": "Ein Hund, \u201enass\u201c \ud83d\udc36."},
    {"image_id": 7, "id": 32, "caption": "people\non a beach"},
    {"image_id": 3, "id": 33, "caption": "a dog and a bottle"},
    {"image_id": 12, "id": 34, "caption": "nothing to see"}
  ]}
""".replace("IMAGES", IMAGES)
NAMES = {7: "val/x.png", 3: "test/x.png", 9007199254740995: 'żółw "1".jpg', 12: "plain.jpg"}


@dataclass(frozen=True)
class Odd:
    """The dataset, its pictures, and the files that it was made from."""

    settings: Settings
    coco: CocoDataset
    pictures: PictureStore
    instances: Path
    captions: Path
    folder: Path

    def file(self, image_id: int) -> Path:
        return self.folder / NAMES[image_id]

    def request(self, *image_ids: int) -> ExportRequest:
        """What is asked for when these pictures are to leave; two of them by default."""
        ids = np.array(image_ids or (3, 7), dtype=np.int64)
        return ExportRequest(self.coco.name, self.coco.annotation_hash, ids)

    def reopened(self) -> "Odd":
        coco = open_dataset(self.settings.data / "odd", self.settings)
        pictures = PictureStore(coco, self.settings)
        return Odd(self.settings, coco, pictures, self.instances, self.captions, self.folder)


def make_odd(home: Path, *, instances: bool = True, captions: bool = True) -> Odd:
    """Write the dataset `odd` under `home` and register it in place."""
    source = home / "source"
    folder = source / "pictures"
    instances_file, captions_file = source / "instances.json", source / "captions.json"
    for number, (image_id, name) in enumerate(NAMES.items()):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        sides = (40, 30) if image_id < 10 else (64, 48)
        Image.new("RGB", sides, (60 * number, 90, 200)).save(folder / name)
    instances_file.write_text(INSTANCES, encoding="utf-8")
    captions_file.write_text(CAPTIONS, encoding="utf-8")
    (home / "data").mkdir(exist_ok=True)
    settings = Settings(home=home, cache=home / "cache", offline=True)
    register_dataset(
        settings,
        "odd",
        instances=instances_file if instances else None,
        captions=captions_file if captions else None,
        pictures=folder,
        split="val2014",
    )
    coco = open_dataset(settings.data / "odd", settings)
    store = PictureStore(coco, settings)
    return Odd(settings, coco, store, instances_file, captions_file, folder)
