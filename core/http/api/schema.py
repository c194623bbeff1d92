"""What bodies hold, as the OpenAPI page shows them; what a query or recipe means stays in `core`.

Bodies are checked by these models. Answers are only described by them: the documents are made
in `core.client.documents`, and a test holds that they fit.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from core.catalogue.names import MAX_NAME, MAX_NOTE, MAX_TAGS
from core.export import FORMATS

MAX_ID = 2**63 - 1
# Of a query that is a list of ids, as of a dataset that is searched in memory.
MAX_LISTED = 5_000_000

QUERY: dict[str, Any] = {
    "title": "Query",
    "type": "object",
    "description": "A query as docs/query.md has it. What is left out is at its default.",
    "required": ["version"],
    "additionalProperties": False,
    "properties": {
        "version": {"const": 1},
        "parts": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["kind", "value"],
                "additionalProperties": False,
                "properties": {
                    "kind": {"enum": ["text", "image", "upload"]},
                    "value": {
                        "type": ["string", "integer"],
                        "description": "Words; the id of a picture; the sha256 of an upload.",
                    },
                    "weight": {
                        "type": "number",
                        "minimum": -100,
                        "maximum": 100,
                        "description": "1 if not said; below 0 is unwanted.",
                    },
                },
            },
        },
        "mode": {"enum": ["blend", "any", "all"]},
        "prompts": {"enum": ["off", "simple", "full"]},
        "filters": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                **{
                    name: {"type": "array", "items": {"type": "string"}}
                    for name in ("must", "any_of", "without", "words", "licenses", "sides")
                },
                "orientations": {
                    "type": "array",
                    "items": {"enum": ["landscape", "portrait", "square"]},
                },
                "crowd": {"type": ["boolean", "null"]},
                "annotated": {"type": ["boolean", "null"]},
                "only": {"type": ["array", "null"], "items": {"type": "integer"}},
                "excluded": {"type": "array", "items": {"type": "integer"}},
            },
        },
        "cut": {
            "type": "object",
            "required": ["kind", "value"],
            "additionalProperties": False,
            "properties": {
                "kind": {"enum": ["top", "score", "percentile"]},
                "value": {"type": "number"},
            },
        },
        "hide_duplicates": {"type": ["number", "null"], "minimum": -1, "maximum": 1},
        "diversity": {"type": "number", "minimum": 0, "maximum": 1},
    },
    "examples": [
        {
            "version": 1,
            "parts": [{"kind": "text", "value": "a dog on a beach"}],
            "filters": {"must": ["dog>=2"]},
            "cut": {"kind": "top", "value": 24},
        }
    ],
}

QueryJson = Annotated[dict[str, Any], WithJsonSchema(QUERY)]
RecipeJson = Annotated[
    dict[str, Any],
    WithJsonSchema(
        {
            "title": "Recipe",
            "type": "object",
            "description": "A recipe.json, as docs/recipe.md has it.",
        }
    ),
]
Uploads = Annotated[
    dict[str, str],
    Field(description="PNG in base64 by sha256: the pictures that the recipe asks with."),
]
ImageIds = Annotated[
    list[Annotated[int, Field(ge=0, le=MAX_ID)]], Field(min_length=1, max_length=MAX_LISTED)
]
Name = Annotated[str, Field(max_length=4 * MAX_NAME, description="Its name; one is made if empty.")]
Note = Annotated[str, Field(max_length=2 * MAX_NOTE, description="A note on it.")]
Tags = Annotated[list[str], Field(max_length=MAX_TAGS)]
Who = Annotated[
    str,
    Field(
        max_length=200,
        description="Who does this, where the server does not know; else it counts for nothing.",
    ),
]
DatasetName = Annotated[
    str | None, Field(max_length=200, description="May be left out when it is clear.")
]
ModelName = Annotated[
    str | None, Field(max_length=200, description="May be left out when it is clear.")
]
SubsetId = Annotated[int, Field(ge=1, le=2**31 - 1)]


class Body(BaseModel):
    """Of a request: what it does not know is refused."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Asked(Body):
    """A query of a dataset."""

    query: QueryJson
    dataset: DatasetName = None
    model: ModelName = None


class Search(Asked):
    """A search, and which of its pictures are to be told."""

    limit: Annotated[int, Field(ge=1, le=1_000, description="Pictures a page.")] = 100
    cursor: Annotated[str | None, Field(description="The `next` of the page before.")] = None


class Source(Body):
    """Which pictures: of a query, listed, of a recipe, or of a saved subset; one of these."""

    query: QueryJson | None = None
    add: Annotated[
        list[int], Field(max_length=MAX_LISTED, description="To a query's, by hand.")
    ] = []
    remove: Annotated[list[int], Field(max_length=MAX_LISTED)] = []
    image_ids: ImageIds | None = None
    everything: Annotated[bool, Field(description="All pictures of the dataset.")] = False
    listed: Annotated[
        str, Field(max_length=1_000, description="Where the listed ids come from, in words.")
    ] = ""
    recipe: RecipeJson | None = None
    uploads: Uploads = {}
    subset: SubsetId | None = None
    dataset: DatasetName = None
    model: ModelName = None
    title: Annotated[
        str, Field(max_length=1_000, description="In words; the query's if not said.")
    ] = ""
    reproducible: Annotated[
        bool, Field(description="Leave out who and when: the same pictures, the same bytes.")
    ] = False


class Package(Body):
    """A ZIP that was made of a recipe elsewhere."""

    file_name: Annotated[str, Field(max_length=200)]
    n_bytes: Annotated[int, Field(ge=0, le=2**62)]
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class NewSubset(Source):
    """A subset to save."""

    name: Name = ""
    note: Note = ""
    tags: Tags = []
    who: Who = ""
    package: Package | None = None


class SubsetChange(Body):
    """What is to change; what is left out stays."""

    name: Annotated[str | None, Field(max_length=4 * MAX_NAME)] = None
    note: Annotated[str | None, Field(max_length=2 * MAX_NOTE)] = None
    tags: Annotated[list[str] | None, Field(max_length=MAX_TAGS)] = None
    who: Who = ""


class Combination(Body):
    """Subsets to combine; their order counts."""

    operation: Literal["union", "intersection", "difference"]
    subsets: Annotated[list[SubsetId], Field(min_length=2, max_length=100)]
    name: Name = ""
    note: Note = ""
    tags: Tags = []
    who: Who = ""


class By(Body):
    who: Who = ""


class Splits(Body):
    """How a package is divided."""

    fractions: Annotated[
        dict[str, float], Field(min_length=2, examples=[{"train": 0.8, "val": 0.2}])
    ]
    seed: int = 0
    stratify: bool = True
    groups: list[list[int]] = []


class Choices(Body):
    """What leaves, and in which shape; the default changes nothing."""

    format: Annotated[str, Field(json_schema_extra={"enum": list(FORMATS)})] = "coco"
    only_annotated: bool = False
    renumber: bool = False
    without_pictures: bool = False
    longest_side: Annotated[int | None, Field(ge=16, le=65_500)] = None
    splits: Splits | None = None
    uses: list[Literal["commercial", "modifications"]] = []


class Outlook(Source):
    """An export to look at before it is made."""

    choices: Choices | None = None


class NewExport(Outlook):
    """An export to make."""

    without_missing: Annotated[
        bool, Field(description="Go on without pictures that cannot be had.")
    ] = False
    remember: Annotated[bool, Field(description="Put it into the catalogue of subsets.")] = False
    name: Name = ""
    note: Note = ""
    tags: Tags = []
    who: Who = ""


class ReplayAsked(Body):
    """A recipe to make again and compare."""

    recipe: RecipeJson
    uploads: Uploads = {}
    dataset: DatasetName = None
    model: ModelName = None


class EvaluationAsked(Body):
    """How well a model searches a dataset."""

    dataset: DatasetName = None
    model: ModelName = None
    split: Annotated[str | None, Field(max_length=100, examples=["karpathy-test"])] = None
    image_ids: Annotated[ImageIds | None, Field(description="Only these pictures compete.")] = None
    listed: Annotated[
        str | None, Field(max_length=1_000, description="What the list is called.")
    ] = None
    captions: Annotated[int | None, Field(ge=1, le=10_000_000)] = None
    captions_each: Annotated[int | None, Field(ge=1, le=1_000)] = None


class NewToken(Body):
    """A token of oneself."""

    name: Annotated[str, Field(min_length=1, max_length=100, examples=["laptop"])]
    scopes: Annotated[
        list[Literal["read", "write", "admin", "metrics"]],
        Field(min_length=1, max_length=4, examples=[["read"]]),
    ]
    days: Annotated[int, Field(ge=1, le=366, description="How long it is good for.")] = 90


class Answer(BaseModel):
    """Of an answer: described, not checked."""

    model_config = ConfigDict(extra="allow")


class Problem(Answer):
    """What went wrong (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    instance: str


class Result(Answer):
    rank: int
    image_id: int
    file_name: str
    score: float | None
    caption: str


class Found(Answer):
    """What a search has found."""

    query: str
    dataset: str
    model: str | None
    asked: QueryJson
    counts: dict[str, Any]
    total: int
    duplicates: dict[str, list[int]]
    notes: list[str]
    results: list[Result]
    next: str | None


class Listed(Answer):
    """A page of a list."""

    items: list[dict[str, Any]]
    next: str | None


class Subset(Answer):
    """A subset that the catalogue remembers."""

    id: int
    version: int
    name: str
    note: str
    tags: list[str]
    who: str
    when: str
    query: str
    dataset: str
    model: str | None
    count: int


class Subsets(Answer):
    """Some subsets, of `total` that there are."""

    total: int
    offset: int
    subsets: list[Subset]
    next: str | None


class Export(Answer):
    """How an export stands; ask again while it is `preparing`."""

    id: str
    state: Literal["preparing", "ready", "failed", "cancelled"]
    waiting: int
    done: int
    total: int
    error: str | None
    note: str | None
    file: str | None
    report: dict[str, Any] | None


class Evaluation(Answer):
    """How an evaluation stands; ask again while it is `waiting` or `running`."""

    id: str
    state: Literal["waiting", "running", "done", "failed", "stopped", "interrupted"]
    done: int
    total: int
    error: str | None
    result: dict[str, Any] | None


class Document(Answer):
    """A JSON object; docs/api.md says what it holds."""
