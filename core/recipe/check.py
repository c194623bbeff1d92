"""What a person said of a sample of a subset: the record that a recipe carries."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from numbers import Real
from typing import Any, Literal, get_args

from core.errors import RecipeError
from core.recipe.values import MAX_NAME, MAX_TEXT, as_ids, as_text, as_whole, expect_time, shown

StratumName = Literal["well above", "just above", "just below"]
STRATA: tuple[StratumName, ...] = get_args(StratumName)
# A hand does not answer more; it bounds what a file may hold.
MAX_ANSWERS = 100_000


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with the interval around it."""

    value: float
    low: float
    high: float

    def __post_init__(self) -> None:
        for name in ("value", "low", "high"):
            object.__setattr__(self, name, _number(f"{name} of an estimate", getattr(self, name)))
        if not self.low <= self.value <= self.high:
            raise RecipeError(
                "Expected an estimate within its interval, found "
                f"{self.value!r} outside {self.low!r} to {self.high!r}."
            )


@dataclass(frozen=True, slots=True)
class CheckedStratum:
    """The pictures of one range of scores, and what was said of those drawn from it.

    Attributes:
        name: "well above" and "just above" are the subset's better and lower half by score,
            "just below" is what follows it.
        pictures: how many there are, drawn or not.
        lowest, highest: their scores' bounds.
        yes, no, unsure: ids of pictures by what was said, in the order in which they were
            shown.
    """

    name: StratumName
    pictures: int
    lowest: float
    highest: float
    yes: tuple[int, ...] = ()
    no: tuple[int, ...] = ()
    unsure: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.name not in STRATA:
            raise RecipeError(
                f"Expected a stratum of {', '.join(STRATA)}, found {shown(self.name)}."
            )
        object.__setattr__(self, "pictures", as_whole("pictures of a stratum", self.pictures))
        for name in ("lowest", "highest"):
            object.__setattr__(self, name, _number(f"{name} score", getattr(self, name)))
        if self.lowest > self.highest:
            raise RecipeError(f"The scores of the stratum {self.name!r} are the wrong way round.")
        for name in ("yes", "no", "unsure"):
            object.__setattr__(self, name, as_ids(name, getattr(self, name)))
        answered = (*self.yes, *self.no, *self.unsure)
        if len(set(answered)) < len(answered):
            raise RecipeError(f"Expected one answer a picture in the stratum {self.name!r}.")
        if len(answered) > self.pictures:
            raise RecipeError(
                f"Expected at most {self.pictures:,} answers in the stratum {self.name!r}, "
                f"found {len(answered):,}."
            )

    @property
    def decided(self) -> int:
        """How many answers say yes or no."""
        return len(self.yes) + len(self.no)

    @property
    def answered(self) -> int:
        return self.decided + len(self.unsure)


@dataclass(frozen=True, slots=True)
class HumanCheck:
    """What a person said of a sample around the cut, and what follows for all pictures.

    `core.analytics.human_check` draws the sample and has the formulas.

    Attributes:
        question: what was asked of each picture.
        seed, asked: of the draw; how many pictures it had.
        strata: from the best scores down; each name once.
        precision: the share of the subset that is right, 0 to 1; None while it cannot be told.
        missed: about how many pictures of "just below" are right, though not in the subset;
            None likewise.
        confidence: of the intervals.
        who: looked at the pictures; when: the last answer, ISO 8601 with a time zone. Both
            None where they are left out.
    """

    question: str
    seed: int
    asked: int
    strata: tuple[CheckedStratum, ...]
    precision: Estimate | None = None
    missed: Estimate | None = None
    confidence: float = 0.95
    who: str | None = None
    when: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "question", as_text("question", self.question, MAX_TEXT))
        object.__setattr__(self, "seed", as_whole("seed", self.seed))
        object.__setattr__(self, "asked", as_whole("number of pictures asked for", self.asked))
        object.__setattr__(self, "strata", tuple(self.strata))
        names = [stratum.name for stratum in self.strata]
        if len(set(names)) < len(names):
            raise RecipeError("Expected each stratum of a human check once.")
        answered = [i for one in self.strata for i in (*one.yes, *one.no, *one.unsure)]
        if len(answered) > MAX_ANSWERS:
            raise RecipeError(f"Expected at most {MAX_ANSWERS:,} answers, found more.")
        if len(set(answered)) < len(answered):
            raise RecipeError("Expected each picture in one stratum of a human check.")
        if self.precision is not None and not 0 <= self.precision.low <= self.precision.high <= 1:
            raise RecipeError("Expected a precision from 0 to 1.")
        if self.missed is not None and self.missed.low < 0:
            raise RecipeError("Expected a number of missed pictures from 0.")
        confidence = _number("confidence", self.confidence)
        if not 0 < confidence < 1:
            raise RecipeError(f"Expected a confidence between 0 and 1, found {confidence!r}.")
        object.__setattr__(self, "confidence", confidence)
        if self.who is not None:
            object.__setattr__(self, "who", as_text("who", self.who, MAX_NAME))
        if self.when is not None:
            expect_time(self.when)

    @property
    def answered(self) -> int:
        """How many pictures were looked at."""
        return sum(stratum.answered for stratum in self.strata)

    @property
    def unsure(self) -> int:
        """Of how many it could not be told."""
        return sum(len(stratum.unsure) for stratum in self.strata)

    def anonymous(self) -> "HumanCheck":
        """Return it without who and when."""
        return replace(self, who=None, when=None)


def check_words(check: HumanCheck) -> str:
    """Say in a sentence what came out: `88% right (71% to 96%), 40 pictures looked at`."""
    looked = f"{check.answered:,} picture{'' if check.answered == 1 else 's'} looked at"
    if check.precision is None:
        return looked
    right = check.precision
    return (
        f"{_percent(right.value)} right ({_percent(right.low)} to {_percent(right.high)}), {looked}"
    )


def check_document(check: HumanCheck) -> dict[str, Any]:
    """Return `check` as JSON values; `check_of_document` makes an equal one of them."""
    return {
        "question": check.question,
        "seed": check.seed,
        "asked": check.asked,
        "precision": _estimate_document(check.precision),
        "missed": _estimate_document(check.missed),
        "confidence": check.confidence,
        "strata": [
            {
                "name": one.name,
                "pictures": one.pictures,
                "lowest": one.lowest,
                "highest": one.highest,
                "yes": list(one.yes),
                "no": list(one.no),
                "unsure": list(one.unsure),
            }
            for one in check.strata
        ],
        "who": check.who,
        "when": check.when,
    }


def check_of_document(data: object) -> HumanCheck:
    """Return the check that a document says.

    Raises:
        RecipeError: a key that there is not or that lacks, or a value that cannot be.
    """
    document = _known("the check", data, HumanCheck, ("question", "seed", "asked", "strata"))
    strata = document["strata"]
    if not isinstance(strata, list):
        raise RecipeError(f"Expected the strata of the check as a list, found {shown(strata)}.")
    needed = ("name", "pictures", "lowest", "highest")
    document["strata"] = tuple(
        CheckedStratum(**_known("a stratum", one, CheckedStratum, needed)) for one in strata
    )
    for name in ("precision", "missed"):
        if document.get(name) is not None:
            document[name] = Estimate(
                **_known(name, document[name], Estimate, ("value", "low", "high"))
            )
    return HumanCheck(**document)


def _known(noun: str, data: object, record: type[Any], needed: tuple[str, ...]) -> dict[str, Any]:
    if not isinstance(data, Mapping):
        raise RecipeError(f"Expected {noun} as a JSON object, found {shown(data)}.")
    known = [field.name for field in fields(record)]
    for key in data:
        if key not in known:
            raise RecipeError(
                f"Expected the keys {', '.join(known)} in {noun}, found {key!r:.40}, too."
            )
    for key in needed:
        if key not in data:
            raise RecipeError(f'Expected "{key}" in {noun}, found none.')
    return dict(data)


def _estimate_document(estimate: Estimate | None) -> dict[str, float] | None:
    if estimate is None:
        return None
    return {"value": estimate.value, "low": estimate.low, "high": estimate.high}


def _number(noun: str, value: object) -> float:
    number = math.nan
    if isinstance(value, Real) and not isinstance(value, bool):
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
    if not math.isfinite(number):
        raise RecipeError(f"Expected a number for the {noun}, found {shown(value)}.")
    return number


def _percent(share: float) -> str:
    return f"{100 * share:.0f}%"
