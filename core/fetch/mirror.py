"""COCO's server and its mirrors: what is published there, how large, with which checksums.

A mirror is laid out as COCO's own server: `/zips/<name>.zip`,
`/annotations/annotations_trainval<year>.zip`, and the pictures one by one at
`/<name>/<file name>`. A mirror of one's own content has a `SHA256SUMS` at its root, as
`sha256sum` writes it; what it says then counts in place of what is published here.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from urllib.parse import quote

from core.errors import DownloadError
from core.fetch.asking import Asker, NotThereError, Patience, without_password
from core.fetch.transfer import Remote, patiently
from core.settings import DEFAULT_COCO_URL, Settings

SETTING = "COCOSIFT_COCO_URL"
SUMS_NAME = "SHA256SUMS"
_LARGEST_SUMS = 2**20
_SUM = re.compile(r"\\?([0-9A-Fa-f]{64}) [ *](?:\./)?(.+)")
# http and https of one server; the second is what its certificate is for.
_OFFICIAL = frozenset(
    {
        DEFAULT_COCO_URL,
        "https://images.cocodataset.org",
        "https://s3.amazonaws.com/images.cocodataset.org",
    }
)


@dataclass(frozen=True, slots=True)
class KnownArchive:
    """A ZIP archive that COCO publishes.

    Size and sha256 are those that TensorFlow Datasets lists and checks against.

    Attributes:
        path: below the server's address.
        size: bytes.
        sha256: hex.
    """

    path: str
    size: int
    sha256: str

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class KnownDataset:
    """A split of COCO as it is published.

    Attributes:
        name: of the dataset here, and of its folder in the archive.
        title: shown to people.
        pictures: the archive of its pictures, stored uncompressed.
        annotations: the archive of annotations of both splits of the year.
        n_pictures: how many there are.
        annotation_bytes: about what its own annotation files take, unpacked.
    """

    name: str
    title: str
    pictures: KnownArchive
    annotations: KnownArchive
    n_pictures: int
    annotation_bytes: int

    @property
    def archives(self) -> tuple[KnownArchive, ...]:
        """What is fetched of it."""
        return (self.annotations, self.pictures)

    @property
    def annotation_files(self) -> Mapping[str, str]:
        """The member of the annotations' archive by kind."""
        return {
            "captions": f"annotations/captions_{self.name}.json",
            "instances": f"annotations/instances_{self.name}.json",
            "keypoints": f"annotations/person_keypoints_{self.name}.json",
        }

    @property
    def command(self) -> str:
        """What fetches it."""
        return f"python -m core fetch coco {self.name}"

    def picture_file(self, image_id: int) -> str:
        """Return the file name that COCO gives to a picture."""
        prefix = f"COCO_{self.name}_" if self.name.endswith("2014") else ""
        return f"{prefix}{image_id:012d}.jpg"


_ANNOTATIONS_2014 = KnownArchive(
    "annotations/annotations_trainval2014.zip",
    252_872_794,
    "031296bbc80c45a1d1f76bf9a90ead27e94e99ec629208449507a4917a3bf009",
)
_ANNOTATIONS_2017 = KnownArchive(
    "annotations/annotations_trainval2017.zip",
    252_907_541,
    "113a836d90195ee1f884e704da6304dfaaecff1f023f49b6ca93c4aaae470268",
)
_DATASETS = (
    KnownDataset(
        "val2014",
        "COCO val2014",
        KnownArchive(
            "zips/val2014.zip",
            6_645_013_297,
            "fe9be816052049c34717e077d9e34aa60814a55679f804cd043e3cbee3b9fde0",
        ),
        _ANNOTATIONS_2014,
        40_504,
        300_000_000,
    ),
    KnownDataset(
        "val2017",
        "COCO val2017",
        KnownArchive(
            "zips/val2017.zip",
            815_585_330,
            "4f7e2ccb2866ec5041993c9cf2a952bbed69647b115d0f74da7ce8f4bef82f05",
        ),
        _ANNOTATIONS_2017,
        5_000,
        50_000_000,
    ),
    KnownDataset(
        "train2014",
        "COCO train2014",
        KnownArchive(
            "zips/train2014.zip",
            13_510_573_713,
            "ede4087e640bddba550e090eae701092534b554b42b05ac33f0300b984b31775",
        ),
        _ANNOTATIONS_2014,
        82_783,
        600_000_000,
    ),
    KnownDataset(
        "train2017",
        "COCO train2017",
        KnownArchive(
            "zips/train2017.zip",
            19_336_861_798,
            "69a8bb58ea5f8f99d24875f21416de2e9ded3178e903f1f7603e283b9e06d929",
        ),
        _ANNOTATIONS_2017,
        118_287,
        800_000_000,
    ),
)
KNOWN: Mapping[str, KnownDataset] = MappingProxyType({known.name: known for known in _DATASETS})


class Mirror:
    """The server that the settings name.

    Attributes:
        url: its address; may hold a password.
    """

    def __init__(self, settings: Settings, patience: Patience | None = None) -> None:
        self.url = settings.coco_url
        self._settings = settings
        self._patience = patience or Patience()
        self._own_sums: dict[str, str] | None = None
        self._has_asked = False

    @property
    def is_official(self) -> bool:
        return self.url in _OFFICIAL

    def remote(self, archive: KnownArchive) -> Remote:
        """Return where an archive is and what is known of it beforehand.

        Raises:
            DownloadError: COCOSIFT_OFFLINE is set, or the mirror's list cannot be read.
        """
        refuse_offline(self._settings, archive.name)
        url = f"{self.url}/{archive.path}"
        own = self._sums()
        if own is None:
            return Remote(url, archive.size, archive.sha256, setting=SETTING)
        return Remote(url, sha256=own.get(archive.path), setting=SETTING)

    def words(self, remote: Remote) -> str:
        """Say how a file from here is checked."""
        if remote.sha256 is None:
            return "the CRC of each file; the mirror names no checksum of the archive"
        return "sha256 as published" if remote.size else "sha256 as the mirror's SHA256SUMS says"

    def picture_url(self, known: KnownDataset, file_name: str) -> str:
        """Return the address of one picture."""
        return f"{self.url}/{known.name}/{quote(file_name)}"

    def _sums(self) -> dict[str, str] | None:
        """The mirror's own list by path; None where there is none, and what is published counts."""
        if not self._has_asked and not self.is_official:
            self._own_sums = self._ask_for_sums()
        self._has_asked = True
        return self._own_sums

    def _ask_for_sums(self) -> dict[str, str] | None:
        with Asker(f"{self.url}/{SUMS_NAME}", self._patience, SETTING) as asker:

            def read() -> bytes:
                with asker.ask() as answer:
                    return b"".join(answer.pieces(_LARGEST_SUMS))

            try:
                text = patiently(read, self._patience).decode("utf-8", "replace")
            except NotThereError:
                return None
        matches = [_SUM.fullmatch(line) for line in text.splitlines() if line.strip()]
        sums = {match[2]: match[1].lower() for match in matches if match}
        if not sums or not all(matches):
            raise DownloadError(
                f"{without_password(self.url)}/{SUMS_NAME} is not a list of checksums as "
                f"sha256sum writes it. Mend it there, or name another server in {SETTING}."
            )
        return sums


def refuse_offline(settings: Settings, what: str) -> None:
    """Raise DownloadError when nothing may be fetched."""
    if settings.offline:
        raise DownloadError(
            f"{what} is not here, and nothing is fetched while COCOSIFT_OFFLINE is set. Unset it, "
            "or say with --from where the file lies on this machine."
        )
