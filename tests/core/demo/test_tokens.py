"""The small token table stands for open_clip's own, row by row."""

import numpy as np
import open_clip
import torch

from core.demo.tokens import UNKNOWN, TokenTable, known_words

TEXTS = ["a dog on a beach", "two traffic lights"]


def test_numbers_put_back_are_open_clips_tokens() -> None:
    table = TokenTable.of(TEXTS)
    rows = np.arange(len(table), dtype=np.float32)[:, None]
    full = torch.from_numpy(table.scattered(rows))
    tokens = open_clip.get_tokenizer("ViT-B-32")(TEXTS)
    expected = full[tokens[:, : table.numbers(TEXTS).shape[1]], 0].numpy()
    assert table.numbers(TEXTS).tolist() == expected.tolist()


def test_the_token_that_ends_a_text_has_the_highest_number() -> None:
    table = TokenTable.of(TEXTS)
    numbers = table.numbers(TEXTS)
    assert numbers.max() == len(table) - 1
    assert (numbers.max(axis=1) == len(table) - 1).all()


def test_a_word_of_no_text_is_unknown_and_its_row_is_zero() -> None:
    table = TokenTable.of(TEXTS)
    assert table.numbers(["a quantum dog"])[0].tolist().count(UNKNOWN) == 1
    full = table.scattered(np.ones((len(table), 2), np.float32))
    assert int((full.any(axis=1)).sum()) == len(table) - 1


def test_known_words_are_lower_case_and_occur_often_enough() -> None:
    texts = ["A dog, a Dog!", "a dog's bone", "one dog on snow"]
    assert known_words(texts, fewest=3) == ["a", "dog"]
    assert "dog's" in known_words(texts, fewest=1)
