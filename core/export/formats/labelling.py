"""For labelling tools: COCO 1.0 as CVAT imports it, and tasks as Label Studio imports them.

CVAT takes `annotations/instances_default.json` beside `images/`. Label Studio takes
`tasks.json`; its pictures are found when the folder is served as local storage
(`LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT`), for which `label_config.xml` fits.
"""

import json
from collections.abc import Iterator, Mapping
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

from core.errors import ExportError
from core.export.annotations import json_member
from core.export.contents import Contents, Member
from core.export.formats.common import Record, beside, box, instances_that, polygons, records
from core.export.formats.format import Format
from core.export.formats.losses import losses
from core.export.members import text_member
from core.export.records import captions
from core.export.shapes import SHAPES


def _cvat(contents: Contents) -> Iterator[Member]:
    if "instances" not in contents.kinds:
        raise ExportError("CVAT takes instances, and the dataset has none. Choose another format.")
    for part in contents.divided:
        yield json_member(part, "instances", f"instances_{part.part or 'default'}.json")


def _label_studio(contents: Contents) -> Iterator[Member]:
    names = {category.id: category.name for category in contents.dataset.categories}
    tasks = [task for part in contents.divided for task in _tasks(part, names)]
    yield text_member("tasks.json", json.dumps(tasks, ensure_ascii=False, indent=1) + "\n")
    yield text_member("label_config.xml", _config(list(names.values())))


def _tasks(part: Contents, names: dict[int, str]) -> Iterator[Record]:
    ids, sizes = part.new_ids, part.sizes.tolist()
    for image_id, name, size, of_one, said in zip(
        ids, part.file_names, sizes, records(part, "instances"), captions(part), strict=True
    ):
        width, height = size
        results = [result for record in of_one for result in _results(record, width, height, names)]
        yield {
            "id": image_id,
            "data": {
                "image": f"/data/local-files/?d={quote(f'{part.folder}/{name}')}",
                "file_name": name,
                "captions": list(said),
            },
            "annotations": [{"result": results}],
        }


def _results(record: Record, width: int, height: int, names: Mapping[int, str]) -> Iterator[Record]:
    """A box, and each polygon, in percent of the picture; nothing of a crowd."""
    if min(width, height) <= 0 or record.get("iscrowd"):
        return
    label = names.get(int(record["category_id"]), "")
    common = {"original_width": width, "original_height": height, "image_rotation": 0}
    shapes = polygons(record)
    for number, shape in enumerate(shapes):
        points = [
            [100 * x / width, 100 * y / height]
            for x, y in zip(shape[::2], shape[1::2], strict=False)
        ]
        yield {
            **common,
            "id": f"{record['id']}-{number}",
            "type": "polygonlabels",
            "from_name": "outline",
            "to_name": "image",
            "value": {"points": points, "closed": True, "polygonlabels": [label]},
        }
    found = box(record)
    if not shapes and found is not None:
        x, y, w, h = found
        value = {"x": 100 * x / width, "y": 100 * y / height, "rotation": 0}
        value |= {"width": 100 * w / width, "height": 100 * h / height}
        yield {
            **common,
            "id": str(record["id"]),
            "type": "rectanglelabels",
            "from_name": "box",
            "to_name": "image",
            "value": {**value, "rectanglelabels": [label]},
        }


def _config(names: list[str]) -> str:
    labels = [f"    <Label value={quoteattr(name)}/>" for name in names]
    return "\n".join(
        [
            "<View>",
            '  <Image name="image" value="$image"/>',
            '  <RectangleLabels name="box" toName="image">',
            *labels,
            "  </RectangleLabels>",
            '  <PolygonLabels name="outline" toName="image">',
            *labels,
            "  </PolygonLabels>",
            "</View>",
            "",
        ]
    )


CVAT = Format(
    SHAPES["cvat"],
    beside(_cvat),
    losses(kinds=("captions", "keypoints", "stuff", "panoptic")),
)
LABEL_STUDIO = Format(
    SHAPES["label-studio"],
    beside(_label_studio),
    losses("crowds", "mask outlines", kinds=("keypoints", "stuff", "panoptic")),
    n_annotations=instances_that(
        lambda record, width, height: bool(list(_results(record, width, height, {})))
    ),
)
