"""The table: one line for each figure, with what was asked of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Line:
    """One figure.

    Attributes
    ----------
    what : str
        What is measured, against what.
    value : float or None
        The figure; None if it could not be measured, for the reason in the note.
    unit : str
        "ms", "s", "GiB", "%" or empty for a ratio.
    processor : float or None
        The same figure from processor time instead of the clock.
    at_most, at_least : float or None
        What is required; both None for a figure that only informs.
    wish : float or None
        What is wished beyond.
    note : str
        Spread, sizes and models.
    """

    what: str
    value: float | None
    unit: str = ""
    processor: float | None = None
    at_most: float | None = None
    at_least: float | None = None
    wish: float | None = None
    note: str = ""

    @property
    def required(self) -> str:
        """The requirement in words, and the wish in brackets."""
        wish = "" if self.wish is None else f" ({self.wish:g})"
        if self.at_most is not None:
            return f"<= {self.at_most:g}{wish}"
        return f">= {self.at_least:g}{wish}" if self.at_least is not None else ""

    @property
    def met(self) -> str:
        """Whether the clock's figure satisfies the requirement; empty where nothing is required or measured."""
        if self.value is None:
            return "not measured"
        if self.at_most is not None:
            return "yes" if self.value <= self.at_most else "NO"
        if self.at_least is not None:
            return "yes" if self.value >= self.at_least else "NO"
        return ""


def render(lines: Iterable[Line]) -> str:
    """Return the lines as text, in columns."""
    rows = [("", "measured", "processor", "required", "met", "")]
    rows += [(x.what, _number(x.value, x.unit), _number(x.processor, x.unit), x.required, x.met, x.note) for x in lines]
    widths = [max(len(row[k]) for row in rows) for k in range(5)]
    aligned = ("<", ">", ">", "<", "<")
    return "\n".join(
        "  ".join([*(f"{c:{a}{w}}" for c, a, w in zip(row, aligned, widths, strict=False)), row[5]]).rstrip()
        for row in rows
    )


def _number(value: float | None, unit: str) -> str:
    if value is None:
        return "-"
    return (f"{value:.3g} {unit}" if abs(value) < 1000 else f"{value:.0f} {unit}").rstrip()
