"""Names of pictures in a package: the records' own, unless a system could not unpack them.

A name is given anew only when it must be: when Windows cannot have it, or when another
picture of the package has one that Windows or macOS takes for the same.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from core.coco import safe_file_name
from core.errors import PictureError

# What Windows refuses in a name, by "Naming Files, Paths, and Namespaces" of its documentation.
_REFUSED = re.compile(r'[<>:"|?*\\\x00-\x1f\x7f]')
_DEVICES = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])(\..*)?", re.IGNORECASE)
# A file in no folder, of letters that are the same to all systems, in either case.
_PLAIN = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,199}(?<!\.)")
# The longest that NTFS, APFS and ext4 all take, in the unit that is the narrowest.
LONGEST_BYTES = 255


def is_portable(name: str) -> bool:
    """Tell whether Windows, macOS and Linux can all have a file of this relative path."""
    return all(_is_portable(folder_or_file) for folder_or_file in PurePosixPath(name).parts)


def package_names(
    image_ids: Sequence[int],
    file_names: Sequence[str],
    sources: Iterable[str],
    *,
    by_stem: bool = False,
) -> tuple[str, ...]:
    """Name each picture within the folder of pictures, in order; the first comer keeps its own.

    Args:
        image_ids: the pictures, (n,).
        file_names: as their records have them, (n,).
        sources: what each is a copy of, (n,): records of one file name and one source
            share the file.
        by_stem: names that differ in their suffix alone are one, as where a file of labels
            stands for each picture.

    Returns:
        (n,) relative paths; "" where `safe_file_name` refuses the record's.
    """
    taken = _Taken(by_stem)
    return tuple(
        taken.name(image_id, file_name, source)
        for image_id, file_name, source in zip(image_ids, file_names, sources, strict=True)
    )


@dataclass(slots=True)
class _Taken:
    """The names that are given, and what stands under each, as a careless file system sees them."""

    by_stem: bool
    files: dict[str, tuple[str, str]] = field(default_factory=dict)
    folders: set[str] = field(default_factory=set)

    def name(self, image_id: int, file_name: str, source: str) -> str:
        if not self.by_stem and _PLAIN.fullmatch(file_name) and not _DEVICES.fullmatch(file_name):
            # Nearly all are so: what follows would come to the same, but takes its time.
            key = file_name.lower()
            if key not in self.files and key not in self.folders:
                self.files[key] = (file_name, source)
                return file_name
        try:
            wanted = str(safe_file_name(file_name))
        except PictureError:
            return ""
        owner = (file_name, source)
        name = portable = _portable(wanted)
        if any(parent in self.files for parent in _parents(self._key(portable))):
            # A file stands where its folder would be.
            name = portable = _shortened(portable.replace("/", "_"), LONGEST_BYTES)
        number = 0
        while not self._is_free(name, owner):
            name = _numbered(portable, f"{image_id}_{number}" if number else f"{image_id}")
            number += 1
        self._take(name, owner)
        return name

    def _is_free(self, name: str, owner: tuple[str, str]) -> bool:
        key = self._key(name)
        if key in self.files:
            return self.files[key] == owner
        return key not in self.folders and not any(p in self.files for p in _parents(key))

    def _key(self, name: str) -> str:
        return _folded(str(PurePosixPath(name).with_suffix("")) if self.by_stem else name)

    def _take(self, name: str, owner: tuple[str, str]) -> None:
        key = self._key(name)
        self.files[key] = owner
        self.folders.update(_parents(key))


def _is_portable(part: str) -> bool:
    return not (
        _REFUSED.search(part)
        or part[-1] in ". "
        or _DEVICES.fullmatch(part)
        or len(part.encode("utf-8")) > LONGEST_BYTES
    )


def _portable(name: str) -> str:
    return "/".join(_portable_part(part) for part in PurePosixPath(name).parts)


def _portable_part(part: str) -> str:
    if _is_portable(part):
        return part
    part = _REFUSED.sub("_", part)
    if part[-1] in ". ":
        part = f"{part[:-1]}_"
    if _DEVICES.fullmatch(part):
        part = f"_{part}"
    return _shortened(part, LONGEST_BYTES)


def _numbered(name: str, number: str) -> str:
    path = PurePosixPath(name)
    stem = _shortened(path.stem, LONGEST_BYTES - len(f"_{number}{path.suffix}".encode()))
    return str(path.with_name(f"{stem}_{number}{path.suffix}"))


def _shortened(name: str, n_bytes: int) -> str:
    """`name` in at most `n_bytes`, its suffix kept."""
    path = PurePosixPath(name)
    if len(name.encode("utf-8")) <= n_bytes:
        return name
    suffix = path.suffix if len(path.suffix.encode()) < n_bytes else ""
    stem = path.stem.encode("utf-8")[: n_bytes - len(suffix.encode())]
    return stem.decode("utf-8", "ignore") + suffix


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _parents(name: str) -> list[str]:
    parts = name.split("/")
    return ["/".join(parts[:end]) for end in range(1, len(parts))]
