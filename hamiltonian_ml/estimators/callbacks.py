"""What happens between epochs: a progress bar, and the callbacks of scikit-learn 1.9 and later.

In: the training run after each epoch. Out: whether to stop. With an older scikit-learn there are no callbacks.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from tqdm.auto import tqdm

from hamiltonian_ml.learning.progress import Progress

_callback: Any = import_module("sklearn.callback") if find_spec("sklearn.callback") else None
CallbackSupport: Any = _callback.CallbackSupportMixin if _callback else object
with_callbacks: Any = _callback.with_callbacks if _callback else lambda method: method


class Watch:
    """Shows a progress bar, and calls the callbacks that were set with ``set_callbacks``.

    Parameters
    ----------
    estimator : HamiltonianEstimator
    max_iter : int
        Most epochs.
    data : (X, y)
        Training rows as the user gave them, as callbacks may want to score them.
    attributes : callable
        From the run to the fitted attributes that it would leave behind now.
    """

    def __init__(
        self,
        estimator: Any,
        max_iter: int,
        data: tuple[Any, Any],
        attributes: Callable[[Progress], dict[str, Any]],
    ) -> None:
        self._estimator, self._max_iter, self._data, self._attributes = estimator, max_iter, data, attributes
        self._bar = tqdm(total=max_iter, desc="training", unit="epoch") if estimator.verbose else None
        self._context: Any = None
        self._epoch: Any = None

    def __enter__(self) -> Watch:
        if getattr(self._estimator, "_skl_callbacks", None) or hasattr(self._estimator, "_parent_callback_ctx"):
            self._context = self._estimator._init_callback_context(max_subtasks=self._max_iter)
            self._context.call_on_fit_task_begin(estimator=self._estimator, X=self._data[0], y=self._data[1])
            self._begin()
        return self

    def __call__(self, progress: Progress) -> bool:
        """Tell of an epoch that has ended, and return whether a callback wants to stop."""
        last = progress.epochs[-1]
        if self._bar is not None:
            self._bar.set_postfix(loss=f"{last.loss:.4f}", states=last.dimension, gap=f"{last.smallest_gap:.2g}")
            self._bar.update(len(progress.epochs) - self._bar.n)
        if self._context is None:
            return False
        stop = self._end(self._epoch, progress)
        self._epoch = None
        if not stop and len(progress.epochs) < self._max_iter:
            self._begin()
        return stop

    def __exit__(self, kind: object, *rest: object) -> None:
        if self._bar is not None:
            self._bar.close()
        if self._context is not None and kind is None:
            if self._epoch is not None:  # begun, but training had converged
                self._epoch.call_on_fit_task_end(estimator=self._estimator)
            self._context.call_on_fit_task_end(estimator=self._estimator, X=self._data[0], y=self._data[1])

    def _begin(self) -> None:
        self._epoch = self._context.subcontext(task_name="epoch")
        self._epoch.call_on_fit_task_begin(estimator=self._estimator, X=self._data[0], y=self._data[1])

    def _end(self, context: Any, progress: Progress) -> bool:
        return bool(
            context.call_on_fit_task_end(
                estimator=self._estimator,
                X=self._data[0],
                y=self._data[1],
                reconstruction_attributes=lambda: self._attributes(progress),
            )
        )
