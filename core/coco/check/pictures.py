"""Remarks on the pictures: their records, and the files in the picture folder."""

import warnings
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from core.coco.check.naming import EXAMPLES, counted, remark
from core.coco.check.report import Level, Remark
from core.coco.dataset import CocoDataset
from core.coco.manifest import safe_file_name
from core.coco.scanner import NO_ID
from core.coco.tables import Ints
from core.errors import PictureError
from core.progress import Progress

SEED = 2014
_FILES_A_TELL = 256
_BITS_OF_DOUBLES = 53


def picture_remarks(dataset: CocoDataset) -> list[Remark]:
    """Return what there is to say about the image records."""
    return [*_ids(dataset), *_sizes(dataset), *_names(dataset), *_licences(dataset)]


def file_remarks(
    dataset: CocoDataset, sizes: int | None, progress: Progress
) -> tuple[int | None, list[Remark], int]:
    """Look at the picture files.

    Args:
        sizes: so many have their size compared with the record's; None compares all.
        progress: told the files looked at.

    Returns:
        Pictures without a file (None without a folder), what there is to say, and how many
        had their size compared.
    """
    if dataset.picture_folder is None:
        return None, _addresses(dataset, np.arange(len(dataset.images))), 0
    there, missing = [], []
    for row, name in enumerate(dataset.images.file_names):
        path = _path(dataset.picture_folder, name)
        if path is not None and _is_file(path):
            there.append((row, path))
        else:
            missing.append(row)
    found = _missing(dataset, np.array(missing, dtype=np.int64))
    chosen = _drawn(there, sizes)
    return len(missing), found + _compared(dataset, chosen, progress), len(chosen)


def _ids(dataset: CocoDataset) -> list[Remark]:
    ids = dataset.images.ids
    big = ids[np.abs(ids.astype(np.float64)) >= 2.0**_BITS_OF_DOUBLES]
    return _told(
        "picture-ids-over-53-bits",
        Level.ODD,
        big.size,
        f"{counted(big.size, 'picture', 'has')} an id of more than 53 bits. Here they are "
        f"exact; programs that read JSON numbers as floating point confuse them",
        big[:EXAMPLES],
    )


def _sizes(dataset: CocoDataset) -> list[Remark]:
    images = dataset.images
    unknown = images.ids[(images.widths <= 0) | (images.heights <= 0)]
    found = _told(
        "picture-size-missing",
        Level.ODD,
        unknown.size,
        f"{counted(unknown.size, 'picture', 'has')} no width and height above 0, so nothing "
        f"tells whether boxes lie within",
        _pictures(unknown),
    )
    for kind in dataset.kinds:
        index = dataset.indexes[kind]
        rows = images.find(index.image_ids)
        differ = (images.widths[rows] != index.widths) | (images.heights[rows] != index.heights)
        found += _told(
            "picture-size-differs",
            Level.ODD,
            int(differ.sum()),
            f"{counted(int(differ.sum()), 'picture', 'has')} another size in the {kind} file "
            f"than in the {dataset.primary} file, which counts",
            _pictures(index.image_ids[differ]),
            kind,
        )
    return found


def _names(dataset: CocoDataset) -> list[Remark]:
    names = list(dataset.images.file_names)
    repeated = [name for name, count in Counter(names).items() if count > 1]
    unsafe = [name for name in names if not _is_safe(name)]
    return _told(
        "file-names-refused",
        Level.ODD,
        len(unsafe),
        f"{counted(len(unsafe), 'picture', 'has')} a file name that is empty or would leave "
        f"the picture folder. No file is read or written by such a name",
        [repr(name)[:80] for name in unsafe[:EXAMPLES]],
    ) + _told(
        "repeated-file-names",
        Level.ODD,
        len(repeated),
        f"{counted(len(repeated), 'file name', 'stands')} for more than one picture",
        repeated[:EXAMPLES],
    )


def _licences(dataset: CocoDataset) -> list[Remark]:
    ids = dataset.images.license_ids
    listed = np.array([licence.id for licence in dataset.licenses], dtype=np.int64)
    unlisted = ids[(ids != NO_ID) & ~np.isin(ids, listed)]
    none = dataset.images.ids[ids == NO_ID]
    return _told(
        "licences-not-listed",
        Level.ODD,
        unlisted.size,
        f"{counted(unlisted.size, 'picture', 'names')} a licence that no file lists, so what "
        f"it allows is not known",
        [f"licence {one}" for one in np.unique(unlisted)[:EXAMPLES]],
    ) + _told(
        "licences-missing",
        Level.FACT,
        none.size,
        f"{counted(none.size, 'picture', 'names')} no licence",
        _pictures(none),
    )


def _missing(dataset: CocoDataset, rows: Ints) -> list[Remark]:
    addresses = dataset.coco_urls_of(dataset.images.ids[rows])
    has_none = np.array([address is None for address in addresses], dtype=bool)
    fetched = dataset.images.ids[rows[~has_none]]
    return _told(
        "files-missing",
        Level.FACT,
        fetched.size,
        f"{counted(fetched.size, 'picture', 'has')} no file in the folder; by its address "
        f"each can be fetched",
        _pictures(fetched),
    ) + _addresses(dataset, rows[has_none])


def _addresses(dataset: CocoDataset, rows: Ints) -> list[Remark]:
    """Tell of those among `rows`, pictures without a file, that have no address either."""
    ids = dataset.images.ids[rows]
    addresses = zip(ids.tolist(), dataset.coco_urls_of(ids), strict=True)
    lost = [image_id for image_id, address in addresses if address is None]
    return _told(
        "pictures-out-of-reach",
        Level.ODD,
        len(lost),
        f"{counted(len(lost), 'picture', 'has')} neither a file nor an address, and cannot be "
        f"shown",
        _pictures(lost),
    )


def _drawn(there: list[tuple[int, Path]], sizes: int | None) -> list[tuple[int, Path]]:
    if sizes is None or sizes >= len(there):
        return there
    chosen = np.random.default_rng(SEED).choice(len(there), max(sizes, 0), replace=False)
    return [there[at] for at in np.sort(chosen)]


def _compared(
    dataset: CocoDataset, chosen: list[tuple[int, Path]], progress: Progress
) -> list[Remark]:
    images = dataset.images
    wrong, unreadable, turned = [], [], 0
    for number, (row, path) in enumerate(chosen):
        if number % _FILES_A_TELL == 0:
            progress.update(number, len(chosen))
        size, name = _pixels(path), images.file_names[row]
        told = (int(images.widths[row]), int(images.heights[row]))
        if size is None:
            unreadable.append(name)
        elif size != told and min(told) > 0:
            turned += size == told[::-1]
            wrong.append(f"{name} is {size[0]} x {size[1]}, not {told[0]} x {told[1]}")
    progress.update(len(chosen), len(chosen))
    of = f"of {len(chosen):,} looked at"
    turns = f"; {turned:,} of them are turned by 90 degrees" if turned else ""
    return _told(
        "picture-size-wrong",
        Level.ODD,
        len(wrong),
        f"{counted(len(wrong), 'picture file', 'has')} another size than the record, "
        f"{of}{turns}. Boxes and masks may not fit",
        wrong,
    ) + _told(
        "files-unreadable",
        Level.ODD,
        len(unreadable),
        f"{counted(len(unreadable), 'picture file')} cannot be read as a picture, {of}",
        unreadable,
    )


def _pixels(path: Path) -> tuple[int, int] | None:
    """Return width and height from the header of a picture file, None when it has none."""
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a picture of very many pixels; none is decoded
            with Image.open(path) as image:
                return image.size
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None


def _path(folder: Path, name: str) -> Path | None:
    try:
        return folder / safe_file_name(name)
    except PictureError:
        return None


def _is_safe(name: str) -> bool:
    try:
        safe_file_name(name)
    except PictureError:
        return False
    return True


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name longer than the file system allows
        return False


def _pictures(ids: Iterable[int]) -> list[str]:
    return [f"picture {one}" for one, _ in zip(ids, range(EXAMPLES), strict=False)]


def _told(
    code: str,
    level: Level,
    count: int,
    text: str,
    examples: Iterable[object] = (),
    kind: str = "",
) -> list[Remark]:
    return [remark(code, level, kind, count, f"{text}.", examples)] if count else []
