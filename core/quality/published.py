"""Published figures of zero-shot retrieval, to hold one's own against.

Source: open_clip's `docs/openclip_retrieval_results.csv` (github.com/mlfoundations/open_clip),
columns "MSCOCO image retr." and "MSCOCO text retr.", measured on Karpathy's test split of COCO by
CLIP_benchmark's definitions.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from core import checkpoint
from core.evaluation import RECALL_AT
from core.quality.split import SPLITS

SOURCE = "open_clip, docs/openclip_retrieval_results.csv"
SPLIT = SPLITS["karpathy-test"]


@dataclass(frozen=True, slots=True)
class PublishedRecall:
    """Recall by k: of captions asked for their picture, of pictures for any of their captions."""

    captions: Mapping[int, float]
    pictures: Mapping[int, float]


def _recall(*figures: float) -> PublishedRecall:
    of_captions, of_pictures = figures[: len(RECALL_AT)], figures[len(RECALL_AT) :]
    return PublishedRecall(
        dict(zip(RECALL_AT, of_captions, strict=True)),
        dict(zip(RECALL_AT, of_pictures, strict=True)),
    )


# Captions at 1, 5, 10, then pictures at 1, 5, 10.
PUBLISHED: Mapping[tuple[str, str], PublishedRecall] = {
    ("RN50", "openai"): _recall(0.2854, 0.5291, 0.6459, 0.4884, 0.7278, 0.8212),
    ("ViT-B-32", "openai"): _recall(0.3044, 0.5594, 0.6687, 0.5012, 0.7500, 0.8352),
    ("ViT-B-16", "openai"): _recall(0.3309, 0.5842, 0.6899, 0.5242, 0.7670, 0.8462),
    ("ViT-L-14", "openai"): _recall(0.3651, 0.6106, 0.7113, 0.5634, 0.7938, 0.8660),
    ("ViT-L-14-336", "openai"): _recall(0.3709, 0.6162, 0.7147, 0.5794, 0.8120, 0.8792),
    ("ViT-B-32", "laion2b_s34b_b79k"): _recall(0.3934, 0.6543, 0.7561, 0.5632, 0.7984, 0.8712),
    ("ViT-B-16", "laion2b_s34b_b88k"): _recall(0.4231, 0.6770, 0.7706, 0.5944, 0.8178, 0.8862),
    ("ViT-L-14", "laion2b_s32b_b82k"): _recall(0.4651, 0.7108, 0.7980, 0.6336, 0.8398, 0.9074),
    ("ViT-H-14", "laion2b_s32b_b79k"): _recall(0.4948, 0.7338, 0.8151, 0.6592, 0.8606, 0.9188),
    ("ViT-B-32", "datacomp_xl_s13b_b90k"): _recall(0.3714, 0.6235, 0.7268, 0.5354, 0.7778, 0.8604),
    ("ViT-L-14", "datacomp_xl_s13b_b90k"): _recall(0.4573, 0.7003, 0.7916, 0.6330, 0.8414, 0.9040),
    ("convnext_base_w", "laion2b_s13b_b82k"): _recall(
        0.4285, 0.6805, 0.7770, 0.6058, 0.8324, 0.8954
    ),
    ("ViT-B-16-SigLIP", "webli"): _recall(0.4778, 0.7244, 0.8100, 0.6574, 0.8542, 0.9126),
}
"""By architecture and weights, as `core fetch model` names them."""


def published_recall(folder: Path) -> PublishedRecall | None:
    """Return what was published of the model in `folder`; None when it does not say what it is.

    It says so in the `source` that `core fetch model` writes into its `model.json`.
    """
    try:
        stated = json.loads((folder / checkpoint.MANIFEST).read_text("utf-8"))
        key = (stated["architecture"].removesuffix("-quickgelu"), stated["source"]["pretrained"])
        return PUBLISHED.get(key)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
