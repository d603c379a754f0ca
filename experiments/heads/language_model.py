"""The frozen base: a small causal transformer that reads the knowledge base, and answers by likelihood.

It is saved as Hugging Face models are, and loaded back from that folder, as a user's own model would be.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from experiments.heads.knowledge import Question, World
from hamiltonian_ml.estimators.hidden_states import TransformersFeatures


@dataclass(frozen=True)
class Reading:
    """How the base is made.

    Attributes
    ----------
    width, layers : int
        Of the transformer.
    epochs : int
        Times that it reads the text; more than enough and it would remember everything.
    batch_size : int
        Sentences a step.
    learning_rate : float
        Largest; it falls as a half cosine.
    """

    width: int = 64
    layers: int = 3
    epochs: int = 11
    batch_size: int = 128
    learning_rate: float = 3e-3


def read(world: World, reading: Reading, folder: Path, *, seed: int) -> Path:
    """Train the base on the world's sentences and save it in a folder, unless it is there already.

    It learns on a GPU where torch finds one, and from the same start, though other sums round otherwise there.
    """
    if folder.exists():
        return folder
    import torch

    torch.manual_seed(seed)
    tokenizer, model = _untrained(world, reading)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model.to(device)
    ids = torch.tensor(tokenizer(list(world.sentences), padding="longest")["input_ids"], device=device)
    labels = torch.where(ids == tokenizer.pad_token_id, -100, ids)
    optimiser = torch.optim.AdamW(model.parameters(), lr=reading.learning_rate, weight_decay=0.01)
    steps = reading.epochs * -(-len(ids) // reading.batch_size)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    model.train()
    for _ in range(reading.epochs):
        for rows in torch.randperm(len(ids)).split(reading.batch_size):
            optimiser.zero_grad()
            mask = (labels[rows] != -100).long()
            model(input_ids=ids[rows], attention_mask=mask, labels=labels[rows]).loss.backward()
            optimiser.step()
            schedule.step()
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(dir=folder.parent))
    model.eval().save_pretrained(partial)
    tokenizer.save_pretrained(partial)
    try:
        os.replace(partial, folder)
    except OSError:  # another process was quicker
        shutil.rmtree(partial)
    return folder


def _untrained(world: World, reading: Reading) -> tuple[Any, Any]:
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    vocabulary = {word: place for place, word in enumerate(("[PAD]", "[UNK]", *world.words))}
    words = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=words, unk_token="[UNK]", pad_token="[PAD]")
    config = LlamaConfig(
        vocab_size=len(vocabulary), hidden_size=reading.width, intermediate_size=2 * reading.width,
        num_hidden_layers=reading.layers, num_attention_heads=4, max_position_embeddings=32, pad_token_id=0,
        tie_word_embeddings=False,
    )  # fmt: skip
    return tokenizer, LlamaForCausalLM(config)


@dataclass(frozen=True, eq=False)
class Asked:
    """What the base makes of some questions.

    Attributes
    ----------
    states : (n_questions, n_options, n_tokens, width) float32
        Last hidden states in front of the options' tokens.
    tokens : (n_questions, n_options, n_tokens) int
        The options' tokens.
    scores : (n_questions, n_options) float
        Mean log-likelihood of an option's tokens.
    features : (n_questions, n_options, width) float32
        Hidden states of question and option together, from `TransformersFeatures`.
    answers : (n_questions,) int
        Places of the right options.
    """

    states: np.ndarray
    tokens: np.ndarray
    scores: np.ndarray
    features: np.ndarray
    answers: np.ndarray

    @property
    def log_odds(self) -> np.ndarray:
        """(n_questions, n_options) log-odds of each option, by the whole likelihood of its tokens."""
        scores = self.scores * self.tokens.shape[-1]
        shares = np.exp(scores - scores.max(axis=1, keepdims=True))
        shares = np.clip(shares / shares.sum(axis=1, keepdims=True), 1e-4, 1 - 1e-4)
        odds: np.ndarray = np.log(shares / (1 - shares))
        return odds


def ask(folder: Path, questions: tuple[Question, ...]) -> Asked:
    """Load the base from its folder and let it look at all options; all must have equally many tokens."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, use_safetensors=True).eval()
    texts = [text for question in questions for text in question.texts]
    ids = torch.tensor(tokenizer(texts)["input_ids"])
    n_stem = len(tokenizer(questions[0].stem)["input_ids"])
    with torch.inference_mode():
        outputs = model(input_ids=ids, output_hidden_states=True)
        likelihoods = torch.log_softmax(outputs.logits[:, n_stem - 1 : -1], dim=-1)
        scores = likelihoods.gather(-1, ids[:, n_stem:, None]).mean((1, 2))
        states = outputs.hidden_states[-1][:, n_stem - 1 : -1]
    pooled = TransformersFeatures(folder, pooling="mean").fit_transform(texts)
    shape = (len(questions), len(questions[0].options))
    return Asked(
        states=states.reshape(*shape, *states.shape[1:]).numpy(),
        tokens=ids[:, n_stem:].reshape(*shape, -1).numpy(),
        scores=scores.reshape(shape).double().numpy(),
        features=pooled.reshape(*shape, -1),
        answers=np.array([question.answer for question in questions]),
    )


def unembedding(folder: Path) -> np.ndarray:
    """Return the matrix (n_words, width) that turns last hidden states into logits."""
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folder, use_safetensors=True)
    weights: np.ndarray = model.get_output_embeddings().weight.detach().numpy()
    return weights
