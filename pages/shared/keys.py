"""The names of what is kept in a person's session, each written once.

Widgets follow the query (see `query_state`), so their keys are no names in the address.
"""

# Kept for the session, by no widget.
VIEW = "view"
ADDRESSES = "addresses that say the view"
PAGE = "page that is looked at"
OWN = "own parameters of pages"
CHANGED_HERE = "changed since the last run"
FITTED = "fitted to"
SAID = "sentences to say"
REFUSED = "refused text"
SAME_CUTS = "cuts at the same place"
ADDED = "number of things added"

# How often a mark of each chart was clicked.
DOORS = "doors of charts"

# Widgets of the sidebar.
DATASET = "dataset"
MODEL = "model"
CUT_KIND = "cut"
TOP_K = "k"
SCORE = "score"
PERCENTILE = "percentile"
CUT_LINE = "cut-line"
MUST = "with"
ANY_OF = "any"
WITHOUT = "without"
CROWD = "crowd"
WORDS = "words"
COMMERCIAL = "commercial"
MODIFICATIONS = "modifications"
LICENSES = "license"
ORIENTATIONS = "orientation"
SIDES = {
    ("width", ">="): "width-from",
    ("width", "<="): "width-to",
    ("height", ">="): "height-from",
    ("height", "<="): "height-to",
}
ANNOTATED = "annotated"
ONLY = "only"
EXCLUDED = "except"
HIDE_DUPLICATES = "hide-duplicates"
DUPLICATES = "duplicates"
DIVERSITY = "diversity"
PROMPTS = "prompts"

# Widgets of the query bar.
TEXT = "q"
MODE = "mode"
ADD = "add"
# A fresh widget takes the place of one whose content was added, see `fresh`.
ADD_TEXT = "add-text"
ADD_NEGATIVE = "add-not"
ADD_PICTURE = "add-picture"


def part_text(index: int) -> str:
    return f"part-{index}-text"


def part_weight(index: int) -> str:
    return f"part-{index}-weight"


# Who sits at the browser.
WHO = "who"
WHO_IS_NEW = "who is new"

# The page of the catalogue.
CHOSEN = "chosen subsets"
SUBSETS_SAID = "what became of a subset"
REPLAYS = "replays of subsets"
PACKAGES = "packages of subsets"
EDITED = "versions of subsets that forms show"
LACKING = "pictures that packages lack"
SUBSETS_FIND = "subsets-find"
SUBSETS_TAG = "subsets-tag"
SUBSETS_SORT = "subsets-sort"
SUBSETS_PAGE = "subsets-page"
SUBSETS_DELETED = "subsets-deleted"
SUBSETS_WHO = "subsets-who"
SUBSETS_IMPORT = "subsets-import"

# The dialog of an export.
EXPORT_WISH = "export to be chosen"
EXPORT = "export-"
