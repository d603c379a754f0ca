"""Hidden states of frozen language models as features: texts go in, one row of numbers each comes out.

In: a folder or a hub name of a Hugging Face model, and texts. Out: an array (n_texts, n_features), on disk if asked.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted
from tqdm.auto import tqdm

from hamiltonian_ml.bases.checks import check_choice, check_integer
from hamiltonian_ml.estimators.feature_cache import FeatureCache, content_key
from hamiltonian_ml.estimators.language_model import POOLINGS, LanguageModel, load_language_model

Array = NDArray[np.float32]


class TransformersFeatures(TransformerMixin, BaseEstimator):
    """Hidden states of a frozen causal or masked language model.

    The model is read from safetensors files alone, runs no code but that of the transformers library, and is never
    changed. Needs torch and transformers, the extra ``heads``.

    Parameters
    ----------
    model : str or Path
        Folder with a model, its configuration and its tokenizer, as ``save_pretrained`` writes them; or a name on the
        Hugging Face hub, which is loaded from there on first use.
    layer : int, default=-1
        Which hidden states: 0 is the embedding, 1 the first block, -1 the last.
    pooling : {"last", "mean", "max", "first"}, default="last"
        How the states of a text's tokens become one: that of the last token, which in a causal model has seen the
        whole text, their mean, their maximum, or that of the first token.
    batch_size : int, default=32
        Texts handed to the model at once.
    max_length : int or None, default=None
        Most tokens of a text; None takes what the model holds. Longer texts are cut at the end, with a warning.
    cache : str, Path or None, default=None
        Folder in which features are kept, by the content of model and text, so that none is computed twice.
    device : str, default="auto"
        "cpu", "cuda" or another name that torch knows; "auto" takes a GPU where there is one.
    revision : str or None, default=None
        Branch, tag or commit of a model on the hub.
    verbose : int, default=0
        1 shows a progress bar.

    Attributes
    ----------
    n_features_out_ : int
        Width of the hidden states.
    fingerprint_ : str
        Hash of the model's files.

    Notes
    -----
    A text's features are rounded to 32 bits. They do not depend on the other texts, but for the last bits, which
    depend on how long the longest text of a batch is.

    Examples
    --------
    >>> from hamiltonian_ml import TransformersFeatures
    >>> TransformersFeatures("no/such/folder/here").fit(["a text"])
    Traceback (most recent call last):
    ...
    ValueError: model must be a folder with a model or a name on the Hugging Face hub such as 'owner/name', ...

    With a language model of two words, made on the spot with random weights:

    >>> from tempfile import TemporaryDirectory
    >>> from tokenizers import Tokenizer, models
    >>> from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
    >>> size = {"vocab_size": 3, "hidden_size": 8, "intermediate_size": 8, "num_attention_heads": 1}
    >>> words = Tokenizer(models.WordLevel({"?": 0, "iron": 1, "oslo": 2}, unk_token="?"))
    >>> with TemporaryDirectory() as folder:
    ...     LlamaForCausalLM(LlamaConfig(**size, num_hidden_layers=1)).save_pretrained(folder)
    ...     files = PreTrainedTokenizerFast(tokenizer_object=words, unk_token="?").save_pretrained(folder)
    ...     features = TransformersFeatures(folder).fit(["iron"])
    ...     features.transform(["iron", "oslo"]).shape, features.get_feature_names_out()[-1]
    ((2, 8), 'hidden7')
    """

    def __init__(
        self,
        model: str | Path,
        *,
        layer: int = -1,
        pooling: str = "last",
        batch_size: int = 32,
        max_length: int | None = None,
        cache: str | Path | None = None,
        device: str = "auto",
        revision: str | None = None,
        verbose: int = 0,
    ) -> None:
        self.model = model
        self.layer = layer
        self.pooling = pooling
        self.batch_size = batch_size
        self.max_length = max_length
        self.cache = cache
        self.device = device
        self.revision = revision
        self.verbose = verbose

    def __getstate__(self) -> dict[str, Any]:
        state: dict[str, Any] = {**super().__getstate__()}
        state.pop("_loaded", None)  # weights stay in their files
        return state

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array, tags.input_tags.one_d_array, tags.input_tags.string = False, True, True
        return tags

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "fingerprint_")

    def fit(self, X: ArrayLike, y: object = None) -> Self:
        """Load the model and look how wide its hidden states are; nothing is learned from X.

        Parameters
        ----------
        X : (n_texts,) array_like of str
            Or a table with one column of texts.
        y : object
            Not used.

        Returns
        -------
        self : object
            The transformer itself.

        Raises
        ------
        ValueError
            If there is no such model, it has no safetensors, needs code of its own, its tokenizer does not fit, or a
            parameter is not allowed.
        ImportError
            If torch or transformers is not installed.
        """
        _texts(X)
        check_choice("pooling", self.pooling, POOLINGS)
        check_integer("batch_size", self.batch_size, at_least=1)
        if self.max_length is not None:
            check_integer("max_length", self.max_length, at_least=1)
        loaded = self._language_model(fresh=True)
        if not isinstance(self.layer, int | np.integer) or not -loaded.n_states <= self.layer < loaded.n_states:
            raise ValueError(
                f"layer must be an integer from {-loaded.n_states} to {loaded.n_states - 1}, got {self.layer!r}."
            )
        self.fingerprint_ = loaded.fingerprint
        self.n_features_out_ = loaded.width(int(self.layer))
        return self

    def transform(self, X: ArrayLike) -> Array:
        """Return one row of hidden states ``(n_texts, n_features_out_)`` for each text.

        Parameters
        ----------
        X : (n_texts,) array_like of str
            Or a table with one column of texts.

        Returns
        -------
        (n_texts, n_features_out_) float

        Raises
        ------
        ValueError
            If a text is empty or no text, or the model's files are not those that were there in ``fit``.
        """
        check_is_fitted(self)
        texts = _texts(X)
        options = (str(int(self.layer) % self._language_model().n_states), self.pooling, str(self.max_length))
        keys = [content_key(self.fingerprint_, *options, text) for text in texts]
        store = None if self.cache is None else FeatureCache(Path(self.cache))
        known = {} if store is None else store.find(keys)
        wanted = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
        # Texts of like length share a batch, so that little of it is padding.
        order = sorted(wanted, key=lambda key: len(wanted[key]))
        with tqdm(total=len(order), desc="hidden states", unit="text", disable=not self.verbose) as bar:
            for start in range(0, len(order), self.batch_size):
                batch = order[start : start + self.batch_size]
                rows = self._language_model().hidden_states(
                    [wanted[key] for key in batch], layer=self.layer, pooling=self.pooling, max_length=self.max_length
                )
                fresh = dict(zip(batch, rows, strict=True))
                if store is not None:
                    store.keep(fresh)  # batch by batch: what an interrupted run has done stays done
                known |= fresh
                bar.update(len(batch))
        return np.stack([known[key] for key in keys])

    def get_feature_names_out(self, input_features: object = None) -> NDArray[np.object_]:
        """Return names of the features: ``hidden0``, ``hidden1``, ...; ``input_features`` are not looked at."""
        check_is_fitted(self)
        return np.array([f"hidden{k}" for k in range(self.n_features_out_)], dtype=object)

    def _language_model(self, *, fresh: bool = False) -> LanguageModel:
        """Return the model, loaded on first use after fitting or unpickling."""
        if fresh or not hasattr(self, "_loaded"):
            loaded = load_language_model(self.model, device=self.device, revision=self.revision)
            if not fresh and loaded.fingerprint != self.fingerprint_:
                raise ValueError(f"model {str(self.model)!r} has changed since fit; fit again.")
            self._loaded = loaded
        return self._loaded


def _texts(X: Any) -> list[str]:
    """Return texts as a list, or raise ValueError that names the first row that is none."""
    if isinstance(X, str):
        raise ValueError("X must be a list of texts, got one text; put it into a list.")
    rows = np.asarray(X, dtype=object)
    if rows.ndim == 2 and rows.shape[1] == 1:
        rows = rows[:, 0]
    if rows.ndim != 1 or not len(rows):
        raise ValueError(f"X must hold at least one text, in one column, got shape {rows.shape}.")
    for number, text in enumerate(rows):
        if not isinstance(text, str) or not text.strip():
            raise ValueError(f"X must hold texts that are not empty, got {text!r} in row {number}.")
    return [str(text) for text in rows]
