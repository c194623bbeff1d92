"""Small COCO files, written as text, and homes to register them in."""

import json
from pathlib import Path
from typing import Any

from core.coco import CocoDataset, open_dataset, register_dataset
from core.settings import Settings

CATEGORIES = [
    {"supercategory": "animal", "id": 18, "name": "dog"},
    {"supercategory": "person", "id": 1, "name": "person"},
]


def image(image_id: int, **fields: Any) -> dict[str, Any]:
    name = f"{image_id}.jpg"
    url = f"http://images.cocodataset.org/{name}"
    record = {"id": image_id, "file_name": name, "width": 64, "height": 48, "license": 1}
    return {**record, "coco_url": url, **fields}


def caption(annotation_id: int, image_id: int, text: str = "a dog") -> dict[str, Any]:
    return {"image_id": image_id, "id": annotation_id, "caption": text}


def instance(annotation_id: int, image_id: int, **fields: Any) -> dict[str, Any]:
    return {
        "segmentation": [[1, 2, 11.5, 2, 11.5, 12]],
        "area": 52.5,
        "iscrowd": 0,
        "image_id": image_id,
        "bbox": [1, 2, 10.5, 10],
        "category_id": 18,
        "id": annotation_id,
        **fields,
    }


def coco(
    images: list[dict[str, Any]], annotations: list[dict[str, Any]], **members: Any
) -> dict[str, Any]:
    licenses = [{"url": "http://licence.invalid/1", "id": 1, "name": "One"}]
    head = {"info": {"year": 2014}, "licenses": licenses, "images": images}
    return {**head, "annotations": annotations, **members}


def captions_file(ids: list[int]) -> dict[str, Any]:
    return coco([image(i) for i in ids], [caption(100 + i, i, f"picture {i}") for i in ids])


def instances_file(ids: list[int]) -> dict[str, Any]:
    annotations = [instance(100 + i, i) for i in ids]
    # Copies: a test may change what it gets.
    categories = [dict(category) for category in CATEGORIES]
    return coco([image(i) for i in ids], annotations, categories=categories)


def write(path: Path, content: Any) -> Path:
    """Write `content` to `path`: bytes and text as they are, anything else as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        text = content if isinstance(content, str) else json.dumps(content)
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
    return path


def home(folder: Path) -> Settings:
    (folder / "data").mkdir(parents=True, exist_ok=True)
    return Settings(home=folder, cache=folder / "cache")


def dataset(folder: Path, *, pictures: Path | None = None, **files: Any) -> CocoDataset:
    """Write one file a kind below `folder`, register them as `small`, and open that."""
    settings = home(folder)
    paths = {kind: write(folder / f"{kind}.json", content) for kind, content in files.items()}
    registered = register_dataset(settings, "small", **paths, pictures=pictures)
    return open_dataset(registered, settings)
