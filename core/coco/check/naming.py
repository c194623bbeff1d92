"""Putting remarks into words: counts with their nouns, and the first examples."""

from collections.abc import Iterable, Sequence

from core.coco.check.report import Level, Remark

EXAMPLES = 5

_PLURALS = {
    "category": "categories",
    "has": "have",
    "is": "are",
    "names": "name",
    "stands": "stand",
}


def remark(
    code: str, level: Level, kind: str, count: int, text: str, examples: Iterable[object] = ()
) -> Remark:
    """Return a remark with its first examples as text."""
    shown = tuple(str(example) for example, _ in zip(examples, range(EXAMPLES), strict=False))
    return Remark(code, level, kind, count, text, shown)


def counted(count: int, noun: str, verb: str = "") -> str:
    """Return "1 picture has", "2 pictures have": a count, its noun, and what it does."""
    words = [f"{count:,}", noun if count == 1 else _PLURALS.get(noun, f"{noun}s")]
    if verb:
        words.append(verb if count == 1 else _PLURALS[verb])
    return " ".join(words)


def annotations_at(ids: Sequence[int], image_ids: Sequence[int]) -> list[str]:
    """Return "annotation 7 of picture 3" for the first of them."""
    pairs = zip(ids[:EXAMPLES], image_ids[:EXAMPLES], strict=True)
    return [f"annotation {one} of picture {other}" for one, other in pairs]
