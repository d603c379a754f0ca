"""One frozen language model in memory: read from safetensors only, checked, and run without gradients.

In: a folder or hub name; texts. Out: pooled hidden states. torch and transformers are imported here when they are used.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hamiltonian_ml.estimators.feature_cache import content_key, file_hash

POOLINGS = ("last", "mean", "max", "first")


@dataclass(frozen=True, eq=False)
class LanguageModel:
    """A model in evaluation mode with its tokenizer.

    Attributes
    ----------
    n_states : int
        Hidden states that it has: one for the embedding and one for each block.
    max_length : int or None
        Most tokens of a text, None if the model sets no limit.
    fingerprint : str
        Hash of its files, or of its commit on the hub.
    """

    model: Any
    tokenizer: Any
    n_states: int
    max_length: int | None
    fingerprint: str

    def width(self, layer: int) -> int:
        """Return how many numbers a hidden state has; some models have fewer in the last ones than in the others."""
        import torch

        token = torch.zeros(1, 1, dtype=torch.long, device=self.model.device)
        with torch.inference_mode():
            outputs = self.model(input_ids=token, attention_mask=torch.ones_like(token), output_hidden_states=True)
        return int(outputs.hidden_states[layer].shape[-1])

    def hidden_states(
        self, texts: list[str], *, layer: int, pooling: str, max_length: int | None
    ) -> NDArray[np.float32]:
        """Return pooled hidden states (n_texts, width) of one batch."""
        import torch

        ids = self._token_ids(texts, max_length)
        longest = max(map(len, ids))
        tokens = torch.zeros(len(ids), longest, dtype=torch.long)
        mask = torch.zeros_like(tokens)
        # Padded by hand, at the end: not every tokenizer has a padding token, and masked places are never looked at.
        for row, each in enumerate(ids):
            tokens[row, : len(each)] = torch.tensor(each)
            mask[row, : len(each)] = 1
        device = self.model.device
        with torch.inference_mode():
            outputs = self.model(input_ids=tokens.to(device), attention_mask=mask.to(device), output_hidden_states=True)
            states = outputs.hidden_states[layer].float()
            pooled: NDArray[np.float32] = _pool(states, mask.to(device), pooling).cpu().numpy()
        if not np.isfinite(pooled).all():
            raise ValueError("model gives hidden states that are not finite; load it in a wider number format.")
        return pooled

    def _token_ids(self, texts: list[str], max_length: int | None) -> list[list[int]]:
        limits = [limit for limit in (max_length, self.max_length) if limit is not None]
        limit = min(limits, default=None)
        ids: list[list[int]] = self.tokenizer(texts, truncation=False, verbose=False)["input_ids"]
        for text, each in zip(texts, ids, strict=True):
            if not each:
                raise ValueError(f"X must hold texts that the tokenizer can read, got {text[:40]!r}.")
        if limit is not None and (n_long := sum(len(each) > limit for each in ids)):
            warnings.warn(f"{n_long} texts have more than {limit} tokens and were cut at the end.", stacklevel=4)
            ids = [each[:limit] for each in ids]
        return ids


def _pool(states: Any, mask: Any, pooling: str) -> Any:
    """Return one state for each text; places where the mask is 0 do not count."""
    if pooling == "first":
        return states[:, 0]
    if pooling == "last":
        rows = mask.sum(1) - 1
        return states[range(len(states)), rows]
    real = mask[..., None].bool()
    if pooling == "mean":
        return states.masked_fill(~real, 0.0).sum(1) / mask.sum(1, keepdim=True)
    return states.masked_fill(~real, -float("inf")).amax(1)


def load_language_model(source: str | Path, *, device: str, revision: str | None = None) -> LanguageModel:
    """Load a model and its tokenizer.

    Parameters
    ----------
    source : str or Path
        Folder, or name on the hub.
    device : str
        As torch names it, or "auto".
    revision : str, optional
        Of a model on the hub.

    Raises
    ------
    ValueError
        If there is no such model, it has no safetensors, lacks weights, needs code of its own, has an encoder and a
        decoder, reads no text, or its tokenizer does not fit; one line each.
    ImportError
        If torch or transformers is not installed.
    """
    try:
        import torch
        import transformers
    except ModuleNotFoundError as error:
        raise ImportError(f"TransformersFeatures needs {error.name}; run make heads in the checkout.") from None
    if not isinstance(source, str | Path):
        raise ValueError(f"model must be a folder or a name on the Hugging Face hub, got {source!r}.")
    folder = Path(source)
    if folder.exists():
        _check_folder(folder)
    options: dict[str, Any] = {"trust_remote_code": False, "revision": revision or "main"}
    config = _read("model", source, transformers.AutoConfig, options)
    if getattr(config, "is_encoder_decoder", False):
        raise ValueError(f"model must be causal or masked, and {str(source)!r} has an encoder and a decoder.")
    tokenizer = _read("tokenizer", source, transformers.AutoTokenizer, options)
    with _quietly(transformers.utils.logging):
        loading = {**options, "use_safetensors": True, "output_loading_info": True}
        model, info = _read("model", source, transformers.AutoModel, loading)
    # A pooler's output is never looked at, and models saved with another head have none.
    if missing := sorted(key for key in info["missing_keys"] if "pooler" not in key):
        raise ValueError(
            f"the model in {str(source)!r} lacks {len(missing)} of its weights, such as {missing[0]}, and random ones "
            "would take their place; save it whole with save_pretrained."
        )
    _check_tokenizer(source, tokenizer, model)
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        model = model.to(device).eval().requires_grad_(False)
    except (RuntimeError, AssertionError) as error:
        raise ValueError(f"device must be one that torch can use here, got {device!r}: {_line(error)}") from None
    text_config = config.get_text_config()
    return LanguageModel(
        model=model,
        tokenizer=tokenizer,
        n_states=int(text_config.num_hidden_layers) + 1,
        max_length=_most_tokens(model, text_config),
        fingerprint=_fingerprint(folder, str(source), config),
    )


def _check_tokenizer(source: str | Path, tokenizer: Any, model: Any) -> None:
    """Raise ValueError if a model reads no text, or another text than its tokenizer writes."""
    embedded = getattr(model.get_input_embeddings(), "num_embeddings", None)
    if embedded is None:
        raise ValueError(f"model must be one that reads text, and {str(source)!r} embeds no tokens.")
    highest = max(tokenizer.get_vocab().values(), default=0)  # numbers may leave gaps
    if highest >= embedded:
        raise ValueError(
            f"the tokenizer in {str(source)!r} does not fit the model: it has {len(tokenizer)} tokens with numbers up "
            f"to {highest} and the model embeds {embedded}; save the tokenizer that the model was trained with."
        )


def _most_tokens(model: Any, config: Any) -> int | None:
    """Return how many tokens a model holds, None if it sets no limit."""
    most: int | None = getattr(config, "max_position_embeddings", None)
    # RoBERTa and its kin count places from the number of the padding token on, and so hold fewer than they embed.
    places = getattr(getattr(model, "embeddings", None), "position_embeddings", None)
    first = getattr(places, "padding_idx", None)
    return most if most is None or first is None else most - first - 1


def _check_folder(folder: Path) -> None:
    """Raise ValueError if a folder does not hold a model that may be loaded."""
    if not folder.is_dir():
        raise ValueError(f"model must be a folder, and {str(folder)!r} is a file.")
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ValueError(f"the folder {str(folder)!r} holds no config.json; write it with save_pretrained.") from None
    except ValueError:
        raise ValueError(f"config.json in {str(folder)!r} is not JSON; write it with save_pretrained.") from None
    if not any(folder.glob("*.safetensors")):
        raise ValueError(
            f"the folder {str(folder)!r} holds no *.safetensors, and other formats may run code when they are read; "
            "write the model with save_pretrained of a recent transformers."
        )
    if "auto_map" in config:
        raise ValueError(f"the model in {str(folder)!r} needs code of its own, and none but transformers' is run.")


@contextmanager
def _quietly(logging: Any) -> Iterator[None]:
    """Silence transformers' report on weights that are not needed, and its bar for reading a local file."""
    level, has_bar = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if has_bar:
            logging.enable_progress_bar()


def _read(what: str, source: str | Path, loader: Any, options: dict[str, Any]) -> Any:
    """Let transformers read something, and turn its errors, which may be pages long, into one line."""
    try:
        return loader.from_pretrained(str(source), **options)
    # Whatever a damaged file raises: JSON, safetensors, regular expressions and shapes have errors of their own.
    except Exception as error:  # noqa: BLE001
        if not Path(source).exists():
            raise ValueError(
                f"model must be a folder with a model or a name on the Hugging Face hub such as 'owner/name', and "
                f"{str(source)!r} is neither, or the hub cannot be reached: {_line(error)}"
            ) from None
        raise ValueError(
            f"the {what} in {str(source)!r} cannot be read: {_line(error)}; write it there with save_pretrained."
        ) from None


def _line(error: BaseException) -> str:
    """Return the first line of an error's text."""
    lines = str(error).strip().splitlines()
    return lines[0].strip().rstrip(":.") if lines else type(error).__name__


def _fingerprint(folder: Path, name: str, config: Any) -> str:
    """Return a hash of the files in a folder, or of the commit that a hub's name stands for."""
    if folder.is_dir():
        return file_hash(
            path for path in folder.iterdir() if path.suffix in (".safetensors", ".json", ".model", ".txt")
        )
    return content_key(name, str(getattr(config, "_commit_hash", None)))
