"""Which texts are true of which scenes, for many of both at once.

`Claims.true_of` says it for one pair; training asks it about 25,000 pairs a step
and evaluation about a million, so both use counts and masks in arrays instead.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np

from core.demo.captions import Caption, Claims
from core.demo.categories import SETTINGS
from core.demo.facts import read_facts
from core.demo.scenes import Content
from core.errors import DatasetError
from core.evaluation import Labels, Questions, WrittenCaption, photo_of, with_article


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The settings and categories that have a column in the arrays, in this order."""

    settings: tuple[str, ...]
    categories: tuple[str, ...]

    @classmethod
    def of(cls, claims: Sequence[Claims], contents: Sequence[Content]) -> Self:
        """Return the vocabulary of everything that `claims` and `contents` name."""
        settings = {content.setting for content in contents}
        categories = {category for content in contents for category, _ in content.counts}
        for claim in claims:
            settings |= claim.settings or frozenset()
            for group, _, _ in claim.groups:
                categories |= group
        return cls(tuple(sorted(settings)), tuple(sorted(categories)))


@dataclass(frozen=True, slots=True)
class ContentArrays:
    """What scenes show.

    Attributes:
        settings: uint8, shape (n, settings), one 1 a row.
        counts: uint8, shape (n, categories).
    """

    settings: np.ndarray
    counts: np.ndarray

    @classmethod
    def of(cls, contents: Sequence[Content], vocabulary: Vocabulary) -> Self:
        """Tabulate `contents`; raises KeyError for a name outside the vocabulary."""
        setting_column = {name: column for column, name in enumerate(vocabulary.settings)}
        category_column = {name: column for column, name in enumerate(vocabulary.categories)}
        settings = np.zeros((len(contents), len(setting_column)), np.uint8)
        counts = np.zeros((len(contents), len(category_column)), np.uint8)
        for row, content in enumerate(contents):
            settings[row, setting_column[content.setting]] = 1
            for category, count in content.counts:
                counts[row, category_column[category]] = min(count, 255)
        return cls(settings, counts)

    def __getitem__(self, rows: np.ndarray) -> Self:
        return type(self)(self.settings[rows], self.counts[rows])


@dataclass(frozen=True, slots=True)
class ClaimArrays:
    """What texts assert; a group that a text does not use asks for at least 0 of nothing.

    Attributes:
        settings: uint8, shape (n, settings), 1 where the text allows the setting.
        groups: uint8, shape (n, groups, categories), 1 where the category counts.
        least: uint8, shape (n, groups), fewest that must stand there.
        most: uint8, shape (n, groups), most that may stand there.
    """

    settings: np.ndarray
    groups: np.ndarray
    least: np.ndarray
    most: np.ndarray

    @classmethod
    def of(cls, claims: Sequence[Claims], vocabulary: Vocabulary) -> Self:
        """Tabulate `claims`; raises KeyError for a name outside the vocabulary."""
        setting_column = {name: column for column, name in enumerate(vocabulary.settings)}
        category_column = {name: column for column, name in enumerate(vocabulary.categories)}
        deep = max((len(claim.groups) for claim in claims), default=0)
        settings = np.ones((len(claims), len(setting_column)), np.uint8)
        groups = np.zeros((len(claims), deep, len(category_column)), np.uint8)
        least = np.zeros((len(claims), deep), np.uint8)
        most = np.full((len(claims), deep), 255, np.uint8)
        for row, claim in enumerate(claims):
            if claim.settings is not None:
                settings[row] = 0
                settings[row, [setting_column[name] for name in claim.settings]] = 1
            for slot, (group, count, exact) in enumerate(claim.groups):
                groups[row, slot, [category_column[name] for name in group]] = 1
                least[row, slot] = count
                most[row, slot] = count if exact else 255
        return cls(settings, groups, least, most)

    def __getitem__(self, rows: np.ndarray) -> Self:
        return type(self)(self.settings[rows], self.groups[rows], self.least[rows], self.most[rows])

    def __len__(self) -> int:
        return len(self.settings)

    def true_of(self, contents: ContentArrays) -> np.ndarray:
        """Return bool, shape (texts, scenes): the same as `Claims.true_of` pair by pair."""
        # float32 so that the products run in BLAS; counts are far below 2**24, so exact.
        there = self.groups.astype(np.float32) @ contents.counts.T.astype(np.float32)
        right = (there >= self.least[..., None]) & (there <= self.most[..., None])
        place = self.settings.astype(np.float32) @ contents.settings.T.astype(np.float32) > 0
        return np.asarray(right.all(axis=1) & place)


def truth_matrix(claims: Sequence[Claims], contents: Sequence[Content]) -> np.ndarray:
    """Return bool, shape (claims, contents): whether each text is true of each scene."""
    vocabulary = Vocabulary.of(claims, contents)
    return ClaimArrays.of(claims, vocabulary).true_of(ContentArrays.of(contents, vocabulary))


def questions_from_facts(
    path: Path, image_ids: np.ndarray, captions: Sequence[WrittenCaption]
) -> Questions:
    """Return what can be asked of the pictures `image_ids` of a drawn dataset.

    Args:
        path: its `facts.json`.
        image_ids: int64, ascending.
        captions: to be asked about, of these pictures.

    Raises:
        DatasetError: the facts cannot be read, or lack a picture or a caption.
    """
    facts = read_facts(path)
    try:
        contents = [facts.contents[int(image_id)] for image_id in image_ids]
        written = [Caption(caption.text, facts.claims[caption.id]) for caption in captions]
    except KeyError as error:
        raise DatasetError(
            f"{path} says nothing of number {error}, which the dataset holds. "
            "Run: python -m core demo build"
        ) from error
    return drawn_questions(contents, written, np.array([c.row for c in captions], np.int64))


def drawn_questions(
    contents: Sequence[Content], captions: Sequence[Caption], own: np.ndarray
) -> Questions:
    """Return what can be asked of drawn pictures, of which all is known.

    Args:
        contents: what each picture shows, by ascending image id.
        captions: texts with their claims.
        own: int64, shape (captions,), the row of the picture each was written for.
    """
    categories = sorted({name for content in contents for name in content.categories})
    settings = sorted({content.setting for content in contents})
    shows = np.array([[name in content.categories for content in contents] for name in categories])
    stands = np.array([[content.setting == name for content in contents] for name in settings])
    pairs = [(row, column) for row in range(len(categories)) for column in range(len(settings))]
    return Questions(
        captions=tuple(caption.text for caption in captions),
        own=own,
        true=truth_matrix([caption.claims for caption in captions], contents),
        categories=Labels(tuple(categories), tuple(map(photo_of, categories)), shows),
        settings=Labels(
            tuple(settings), tuple(f"a photo of {SETTINGS[s].names[0]}" for s in settings), stands
        ),
        pairs=Labels(
            tuple(f"{categories[row]}, {settings[column]}" for row, column in pairs),
            tuple(
                f"{with_article(categories[row])} {SETTINGS[settings[column]].where[0]}"
                for row, column in pairs
            ),
            np.array([shows[row] & stands[column] for row, column in pairs]),
        ),
    )
