"""A language model made on the spot: random weights, a vocabulary of twenty words, no download."""

from __future__ import annotations

from pathlib import Path

import pytest

TEXT = "the a is in iron gold neon metal gas solid paris france oslo norway city of not capital red blue"
WORDS = TEXT.split()
NEEDS_TORCH = "torch is not installed; the extra heads brings it (make heads)"
NEEDS_TRANSFORMERS = "transformers is not installed; the extra heads brings it (make heads)"


def write_model(folder: Path, *, kind: str = "causal", n_words: int = len(WORDS), width: int = 16) -> Path:
    """Write a model with random weights, and its tokenizer, as save_pretrained does."""
    import torch
    import transformers
    from tokenizers import Tokenizer, models, pre_tokenizers

    sizes = {"vocab_size": n_words + 1, "num_hidden_layers": 2, "num_attention_heads": 2, "hidden_size": width}
    torch.manual_seed(0)
    if kind == "causal":
        config = transformers.LlamaConfig(**sizes, intermediate_size=24, max_position_embeddings=12)
        model = transformers.LlamaForCausalLM(config)
    else:
        config = transformers.BertConfig(**sizes, intermediate_size=24, max_position_embeddings=12)
        model = transformers.BertForMaskedLM(config)
    model.save_pretrained(folder)
    tokenizer = Tokenizer(models.WordLevel({word: k for k, word in enumerate(["?", *WORDS])}, unk_token="?"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="?").save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def causal_model(tmp_path_factory) -> Path:
    pytest.importorskip("torch", reason=NEEDS_TORCH)
    pytest.importorskip("transformers", reason=NEEDS_TRANSFORMERS)
    return write_model(tmp_path_factory.mktemp("causal"))


@pytest.fixture(scope="session")
def masked_model(tmp_path_factory) -> Path:
    pytest.importorskip("torch", reason=NEEDS_TORCH)
    pytest.importorskip("transformers", reason=NEEDS_TRANSFORMERS)
    return write_model(tmp_path_factory.mktemp("masked"), kind="masked")
