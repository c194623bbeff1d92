"""A small mirror of COCO: archives of the official names and shapes, and single pictures."""

import hashlib
import io
import json
import zipfile
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from tests.core.fetch.faulty_server import FaultyServer, Served

N_PICTURES = 7
KINDS = {"captions": "captions", "instances": "instances", "keypoints": "person_keypoints"}


@dataclass(frozen=True)
class CocoMirror:
    """What is served for one split.

    Attributes:
        pictures: the bytes of each by file name.
        archives: the bytes of each by path.
    """

    name: str
    pictures: dict[str, bytes]
    archives: dict[str, bytes]
    server: FaultyServer

    @property
    def zips(self) -> str:
        return f"/zips/{self.name}.zip"

    @property
    def annotations(self) -> str:
        return f"/annotations/annotations_trainval{self.name[-4:]}.zip"

    @property
    def ids(self) -> list[int]:
        return [int(name[-16:-4]) for name in self.pictures]

    def publish(self, *, sums: bool = True) -> None:
        """Serve the archives, the pictures and the list of checksums."""
        for path, data in self.archives.items():
            self.server.files[path] = Served(data, content_type="application/zip")
        for name, data in self.pictures.items():
            self.server.files[f"/{self.name}/{name}"] = Served(data, content_type="image/jpeg")
        if sums:
            lines = [
                f"{hashlib.sha256(data).hexdigest()}  {path[1:]}\n"
                for path, data in self.archives.items()
            ]
            self.server.files["/SHA256SUMS"] = Served("".join(lines).encode(), content_type="")


def coco_mirror(server: FaultyServer, name: str = "val2014", n: int = N_PICTURES) -> CocoMirror:
    """Make a mirror of `n` pictures; `publish` serves it."""
    prefix = f"COCO_{name}_" if name.endswith("2014") else ""
    pictures = {
        f"{prefix}{image_id:012d}.jpg": _picture(image_id) for image_id in range(9, 9 + 3 * n, 3)
    }
    mirror = CocoMirror(name, pictures, {}, server)
    mirror.archives[mirror.zips] = zipped(
        {f"{name}/": b""} | {f"{name}/{file}": data for file, data in pictures.items()}
    )
    others = name.replace("val", "train") if "val" in name else name.replace("train", "val")
    members = {
        f"annotations/{prefix}_{split}.json": _annotations(kind, pictures)
        for split in (others, name)
        for kind, prefix in KINDS.items()
    }
    mirror.archives[mirror.annotations] = zipped(members, zipfile.ZIP_DEFLATED)
    return mirror


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return file.getvalue()


def _picture(seed: int) -> bytes:
    values = np.random.default_rng(seed).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(values).save(file, "JPEG")
    return file.getvalue()


def _annotations(kind: str, pictures: dict[str, bytes]) -> bytes:
    images: list[Any] = []
    annotations: list[Any] = []
    for row, name in enumerate(pictures):
        image_id = int(name[-16:-4])
        url = f"http://images.cocodataset.org/val2014/{name}"
        images.append(
            {
                "id": image_id,
                "file_name": name,
                "width": 64,
                "height": 48,
                "license": 1,
                "coco_url": url,
            }
        )
        record: dict[str, Any] = {"id": 50 + row, "image_id": image_id}
        if kind == "captions":
            record["caption"] = f"noise number {row}"
        else:
            record |= {"category_id": 1, "bbox": [1, 2, 3, 4], "area": 12.0, "iscrowd": 0}
            record["segmentation"] = [[1, 2, 4, 2, 4, 6, 1, 6]]
        if kind == "keypoints":
            record |= {"keypoints": [1, 2, 2] * 17, "num_keypoints": 17}
        annotations.append(record)
    content: dict[str, Any] = {
        "info": {"description": "noise"},
        "licenses": [{"id": 1, "name": "None", "url": "http://licence.invalid"}],
        "images": images,
        "annotations": annotations,
    }
    if kind != "captions":
        content["categories"] = [{"id": 1, "name": "person", "supercategory": "person"}]
    return json.dumps(content).encode()
