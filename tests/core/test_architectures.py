"""Architectures at their real size with random weights, from split to search."""

import json
import shutil
from dataclasses import dataclass, field

import numpy as np
import open_clip
import pytest
import torch
from open_clip.tokenizer import SimpleTokenizer, basic_clean, canonicalize_text
from PIL import Image
from safetensors.torch import save_file
from tokenizers import Tokenizer as Backend
from tokenizers import pre_tokenizers, processors
from tokenizers.models import Unigram

from core import checkpoint
from core.coco import register_dataset
from core.content import sha256_of
from core.embed_run import embed_dataset
from core.encoder import load_encoder
from core.library import open_library
from core.settings import PROJECT_ROOT, Settings

PICTURES = 6
TEXTS = ["a dog on a beach", "two red buses", "skis, boots & snow"]
SIGLIP = {"mean": [0.5] * 3, "std": [0.5] * 3, "resize_mode": "squash"}


@dataclass(frozen=True)
class Case:
    """An architecture of open_clip, what `model.json` says of it, and how it is stored."""

    name: str
    preprocessing: dict = field(default_factory=dict)
    has_own_tokenizer: bool = False
    dtype: torch.dtype = torch.float32
    part_size: int = checkpoint.PART_SIZE


CASES = [
    Case("ViT-B-32"),
    Case("ViT-B-32-quickgelu", dtype=torch.float16),
    Case("ViT-B-16", part_size=10_000_019),
    Case("ViT-L-14", dtype=torch.float16),
    Case("ViT-B-16-SigLIP", preprocessing=SIGLIP, has_own_tokenizer=True),
    Case("convnext_base"),
]


@pytest.fixture(params=CASES, ids=lambda case: case.name)
def case(request):
    return request.param


@pytest.mark.slow
def test_is_split_merged_verified_embedded_and_searched(tmp_path, case):
    model = random_model(case)
    home = tmp_path / "home"
    whole, folder = tmp_path / "whole.safetensors", home / "models" / "real"
    save_file({name: t.contiguous() for name, t in model.state_dict().items()}, whole)
    stated = {"architecture": case.name, "preprocessing": case.preprocessing}
    if case.has_own_tokenizer:
        stated["tokenizer"] = write_tokenizer(folder, model.text.vocab_size)
    checkpoint.split(whole, folder, case.part_size, model=stated)
    sha256 = sha256_of(whole)

    assert len(checkpoint.find_parts(folder)) == -(-whole.stat().st_size // case.part_size)
    assert checkpoint.merge(folder, tmp_path / "merged") == sha256
    report = checkpoint.verify(folder)
    assert (report.sha256, report.problems) == (sha256, ())
    whole.unlink()
    (tmp_path / "merged").unlink()

    settings = Settings(home=home, cache=tmp_path / "cache", offline=True)
    library = open_library(settings)
    coco = library.coco(dataset_of_a_few(settings))
    encoder = load_encoder(folder, device="cpu")
    manifest = checkpoint.read_manifest(folder)
    embed_dataset(coco, encoder, manifest, settings, workers=0, batch_size=4)
    vectors = library.embeddings(coco.name, "real").vectors
    pictures = [Image.open(coco.picture_path(i)) for i in coco.images.ids.tolist()]
    expected = unit(model.float().encode_image, transformed(case, pictures))
    assert cosines(vectors, expected).min() > 1 - 1e-5

    texts = unit(model.encode_text, tokens(case, folder))
    assert cosines(encoder.encode_texts(TEXTS), texts).min() > 1 - 1e-5
    found = library.dataset(coco.name, "real").search(TEXTS[0], top_k=PICTURES)
    scores = dict(zip(coco.images.ids.tolist(), expected @ texts[0], strict=True))
    assert [scores[i] for i in found.image_ids] == pytest.approx(found.scores, abs=1e-4)


def random_model(case):
    torch.manual_seed(14)
    config = open_clip.get_model_config(case.name)
    kind = open_clip.CustomTextCLIP if config.pop("custom_text", False) else open_clip.CLIP
    config["text_cfg"].pop("hf_tokenizer_name", None)
    return kind(**config).eval().to(case.dtype)


def write_tokenizer(folder, size):
    """A tokenizer.json of the model's size: pieces of words, an end token that also pads."""
    folder.mkdir(parents=True)
    letters = ["▁", *"abcdefghijklmnopqrstuvwxyz0123456789"]
    words = [f"▁{text}" for text in " ".join(TEXTS).split()]
    pieces = list(dict.fromkeys(["<pad>", "</s>", "<unk>", *letters, *words]))
    pieces += [f"<extra {number}>" for number in range(size - len(pieces))]
    scores = [(piece, -float(len(pieces) - len(piece))) for piece in pieces]
    backend = Backend(Unigram(scores, unk_id=2))
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    end = [("</s>", 1)]
    backend.post_processor = processors.TemplateProcessing("$A </s>", special_tokens=end)
    path = folder / "tokenizer.json"
    backend.save(str(path))
    return {
        "kind": "hf",
        "file": path.name,
        "sha256": sha256_of(path),
        "context_length": 64,
        "clean": "canonicalize",
        "pad_token": "</s>",
    }


def dataset_of_a_few(settings):
    """The first pictures of the demo, as a dataset with a copy of their captions."""
    source = PROJECT_ROOT / "data" / "demo"
    captions = json.loads((source / "annotations/captions_demo.json").read_text("utf-8"))
    captions["images"] = captions["images"][:PICTURES]
    kept = {image["id"] for image in captions["images"]}
    captions["annotations"] = [one for one in captions["annotations"] if one["image_id"] in kept]
    settings.data.mkdir()
    pictures, path = settings.data / "pictures", settings.data / "captions.json"
    pictures.mkdir()
    for image in captions["images"]:
        shutil.copyfile(source / "images" / image["file_name"], pictures / image["file_name"])
    path.write_text(json.dumps(captions))
    register_dataset(settings, "few", captions=path, pictures=pictures)
    return "few"


def transformed(case, pictures):
    """The pictures as open_clip's own evaluation transform gives them."""
    given = case.preprocessing
    transform = open_clip.image_transform(
        224,
        is_train=False,
        mean=given.get("mean", open_clip.OPENAI_DATASET_MEAN),
        std=given.get("std", open_clip.OPENAI_DATASET_STD),
        resize_mode=given.get("resize_mode"),
    )
    return torch.stack([transform(picture.convert("RGB")) for picture in pictures])


def tokens(case, folder):
    if not case.has_own_tokenizer:
        return SimpleTokenizer()(TEXTS)
    backend = Backend.from_file(str(folder / "tokenizer.json"))
    backend.enable_padding(length=64, pad_id=1, pad_token="</s>")
    cleaned = [canonicalize_text(basic_clean(text)) for text in TEXTS]
    return torch.tensor([backend.encode(text).ids for text in cleaned])


def unit(encode, inputs):
    with torch.inference_mode():
        return encode(inputs, normalize=True).numpy()


def cosines(ours, theirs):
    return (np.asarray(ours, np.float64) * theirs).sum(axis=1)
