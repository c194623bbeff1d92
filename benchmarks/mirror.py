"""A mirror of COCO and of a hub, with made-up files of the official names and shapes.

`write_mirror` makes, below one folder:

- `annotations/annotations_trainval2014.zip` with captions and instances of val2014's size
- `zips/val2014.zip` with a JPEG of its record's size for every picture, about 160 kB each
- `timm/…/open_clip_model.safetensors`, a ViT-B-32 with random weights
- `SHA256SUMS`, by which a mirror of one's own content tells its checksums

and `serving` serves it on the loopback, with ranges, as such mirrors do.
"""

import io
import threading
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import uvicorn
from PIL import Image
from starlette.applications import Starlette
from starlette.staticfiles import StaticFiles

from benchmarks.val2014_files import CAPTIONS, INSTANCES, PICTURES, write_val2014
from core.coco import open_dataset
from core.content import sha256_of
from core.settings import Settings

WEIGHTS = "timm/vit_base_patch32_clip_224.openai/resolve/main/open_clip_model.safetensors"
_DISTINCT = 64
_QUALITY = 93
_EPOCH = (2014, 1, 1, 0, 0, 0)


def write_mirror(
    folder: Path,
    *,
    pictures: int = PICTURES,
    captions: int = CAPTIONS,
    instances: int = INSTANCES,
) -> Path:
    """Write the files of the mirror below `folder` unless they are there; return `folder`."""
    sums = folder / "SHA256SUMS"
    if sums.exists():
        return folder
    flat = folder / "flat"
    write_val2014(flat, pictures=pictures, captions=captions, instances=instances)
    annotations = folder / "annotations/annotations_trainval2014.zip"
    images = folder / "zips/val2014.zip"
    for path in (annotations, images, folder / WEIGHTS):
        path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(annotations, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for kind in ("captions", "instances"):
            archive.write(flat / f"data/{kind}_val2014.json", f"annotations/{kind}_val2014.json")
    _write_pictures(images, flat)
    _write_weights(folder / WEIGHTS)
    lines = [f"{sha256_of(path)}  {path.relative_to(folder)}\n" for path in (annotations, images)]
    sums.write_text("".join(lines))
    return folder


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """Serve `folder` on the loopback; yield the address, without a slash at its end."""
    app = Starlette()
    app.mount("/", StaticFiles(directory=folder))
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        if not thread.is_alive():
            raise RuntimeError("the mirror could not be served")
        time.sleep(0.01)
    try:
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()


def _write_pictures(path: Path, flat: Path) -> None:
    coco = open_dataset(flat / "data/captions_val2014.json", Settings(home=flat, cache=flat))
    sizes = {(640, 480): _photographs(640, 480), (427, 640): _photographs(427, 640)}
    images = coco.images
    shapes = zip(images.widths.tolist(), images.heights.tolist(), strict=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for row, (name, shape) in enumerate(zip(images.file_names, shapes, strict=True)):
            jpeg = sizes[shape][row % _DISTINCT]
            info = zipfile.ZipInfo(f"val2014/{name}", _EPOCH)
            archive.writestr(info, _commented(jpeg, name))


def _photographs(width: int, height: int) -> list[bytes]:
    """Soft noise, which costs a decoder and a disk what a photograph of that size does."""
    random = np.random.default_rng(width)
    made = []
    for _ in range(_DISTINCT):
        coarse = random.integers(0, 255, (height // 4, width // 4, 3), dtype=np.uint8)
        image = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
        file = io.BytesIO()
        image.save(file, "JPEG", quality=_QUALITY)
        made.append(file.getvalue())
    return made


def _commented(jpeg: bytes, name: str) -> bytes:
    """The same picture with its name in a comment, so that no two files are equal."""
    text = name.encode()
    return jpeg[:2] + b"\xff\xfe" + (len(text) + 2).to_bytes(2, "big") + text + jpeg[2:]


def _write_weights(path: Path) -> None:
    import open_clip
    import torch
    from safetensors.torch import save_file

    torch.manual_seed(2014)
    model = open_clip.create_model("ViT-B-32-quickgelu", pretrained=None)
    save_file({name: tensor.contiguous() for name, tensor in model.state_dict().items()}, path)
