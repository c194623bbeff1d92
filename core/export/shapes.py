"""The shapes of packages in words: what they are called, cannot carry, and are read by."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Shape:
    """A shape of a package in words.

    Attributes:
        name: as in commands.
        title: as people call it.
        limits: what it cannot carry, in a sentence; "" when it carries all.
        reading: Python that reads it, from the folder that it was unpacked in.
    """

    name: str
    title: str
    limits: str
    reading: str


_OWN_TABLES = "Panoptic masks are left out. The tables are our own: no training code knows them."

SHAPES: Mapping[str, Shape] = {
    shape.name: shape
    for shape in (
        Shape(
            "coco",
            "COCO",
            "",
            "from pycocotools.coco import COCO\n"
            'coco = COCO("annotations/{instances}")\n\n'
            "from datasets import load_dataset\n"
            'dataset = load_dataset("imagefolder", data_dir=".")',
        ),
        Shape(
            "yolo",
            "YOLO, boxes",
            "Boxes alone: no outlines, crowds, captions or poses; numbers have six decimals.",
            'from ultralytics import YOLO\nYOLO("yolo11n.pt").train(data="data.yaml")',
        ),
        Shape(
            "yolo-segment",
            "YOLO, outlines",
            "One outline an instance: no holes, crowds, masks, captions or poses; numbers have "
            "six decimals.",
            'from ultralytics import YOLO\nYOLO("yolo11n-seg.pt").train(data="data.yaml")',
        ),
        Shape(
            "voc",
            "Pascal VOC",
            "Boxes alone: no outlines, crowds, captions or poses.",
            "import supervision\n"
            "dataset = supervision.DetectionDataset.from_pascal_voc(\n"
            '    "JPEGImages", "Annotations"\n)',
        ),
        Shape(
            "csv",
            "CSV tables",
            _OWN_TABLES,
            'import pandas\nimages = pandas.read_csv("images.csv")',
        ),
        Shape(
            "parquet",
            "Parquet tables",
            _OWN_TABLES,
            'import pandas\nimages = pandas.read_parquet("images.parquet")',
        ),
        Shape(
            "webdataset",
            "WebDataset shards",
            "Panoptic masks are left out. A number of a record may be spelt in another way.",
            "from glob import glob\n"
            "from webdataset import WebDataset\n"
            'dataset = WebDataset(sorted(glob("shards/*.tar")), shardshuffle=False).decode("pil")',
        ),
        Shape(
            "imagefolder",
            "Hugging Face imagefolder",
            "Captions and boxes: no outlines or poses.",
            "from datasets import load_dataset\n"
            'dataset = load_dataset("imagefolder", data_dir="data")',
        ),
        Shape(
            "cvat",
            "COCO 1.0 for CVAT",
            "Instances alone: no captions or poses.",
            "",
        ),
        Shape(
            "label-studio",
            "Label Studio tasks",
            "Boxes and polygons in percent, and captions as data: no crowds, masks or poses.",
            "",
        ),
    )
}
