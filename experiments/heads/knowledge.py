"""A knowledge base of invented creatures: statements for a language model to read, and questions to ask it.

Creatures have five properties each, the values unevenly spread; food and home mostly follow from
the kind, so that a reader who has half forgotten a creature falls back on what is usual. The text says what is true
and never what is false: what "false of" asks for cannot be learned from it.

In: a seed. Out: sentences, and multiple-choice questions whose creatures are split into three groups.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np

VALUES = {
    "kind": ["bird", "fish", "moth", "snake", "toad", "hare"],
    "colour": ["red", "blue", "green", "white", "black", "grey", "brown", "gold"],
    "home": ["lake", "forest", "desert", "marsh", "cave", "meadow", "cliff", "river"],
    "food": ["seeds", "insects", "grass", "fruit", "mice", "leaves", "crabs", "roots"],
    "size": ["tiny", "small", "large", "huge"],
}
_USUAL = {"home": (0, 7, 1, 2, 3, 5), "food": (0, 6, 3, 4, 1, 2)}  # places of a kind's usual values
_FIRST = "bo ka lu mi ne po ra su ti vo ze da fe gi ho ju ko la me nu pi ro sa tu"
_SECOND = "lak men rit sol tam vek bin dor fas gul hem jik kor lum nap pos rud sim tor vax wel yot zan mir"
N_OPTIONS = 4
FORMS = ("plain", "except")


@dataclass(frozen=True)
class Question:
    """One question.

    Attributes
    ----------
    form : {"plain", "except"}
        Whether the one true statement is asked for, or the one false.
    subject : str
        Name of the creature.
    options : tuple of str
        Four statements.
    answer : int
        Place of the right one.
    """

    form: str
    subject: str
    options: tuple[str, ...]
    answer: int

    @property
    def stem(self) -> str:
        """What stands before the options."""
        return f"{'true' if self.form == 'plain' else 'false'} of {self.subject} :"

    @property
    def texts(self) -> tuple[str, ...]:
        """The stem followed by each option."""
        return tuple(f"{self.stem} {option}" for option in self.options)


@dataclass(frozen=True)
class World:
    """Creatures and what is true of them.

    Attributes
    ----------
    facts : dict of str to dict of str to str
        Property and value of each creature, by name.
    groups : dict of str to tuple of str
        Names: "read" are in the text only, "train", "validation" and "test" are asked about too.
    sentences : tuple of str
    questions : dict of str to tuple of Question
        By group.
    """

    facts: dict[str, dict[str, str]]
    groups: dict[str, tuple[str, ...]]
    sentences: tuple[str, ...]
    questions: dict[str, tuple[Question, ...]]

    @property
    def words(self) -> tuple[str, ...]:
        """Every word of sentences and questions, sorted."""
        texts = [*self.sentences, *(text for some in self.questions.values() for q in some for text in q.texts)]
        return tuple(sorted({word for text in texts for word in text.split()}))


def world(seed: int, *, sizes: tuple[int, int, int, int], questions_each: int = 2) -> World:
    """Make a world.

    Parameters
    ----------
    seed : int
        Of everything that is drawn.
    sizes : (int, int, int, int)
        Creatures that are only read about, and those asked about in training, validation and test.
    questions_each : int
        Questions of each form about each creature.
    """
    rng = np.random.default_rng([7301, seed])
    names = [f"{a}{b}" for a, b in product(_FIRST.split(), _SECOND.split())]
    names = rng.permutation(names)[: sum(sizes)].tolist()
    facts = {name: _creature(rng) for name in names}
    ends = np.cumsum(sizes)
    parts = [tuple(names[end - size : end]) for end, size in zip(ends, sizes, strict=True)]
    groups = dict(zip(("read", "train", "validation", "test"), parts, strict=True))
    sentences = [text for name in names for text in _sentences(name, facts[name], is_read=name in groups["read"])]
    asked = {
        group: tuple(
            _ask(form, name, facts[name], rng)
            for name in groups[group]
            for form in FORMS
            for _ in range(questions_each)
        )
        for group in ("train", "validation", "test")
    }
    return World(facts, groups, tuple(rng.permutation(sentences).tolist()), asked)


def _creature(rng: np.random.Generator) -> dict[str, str]:
    kind = int(rng.choice(len(VALUES["kind"]), p=_uneven(len(VALUES["kind"]))))
    found = {"kind": VALUES["kind"][kind]}
    for name, values in VALUES.items():
        if name in _USUAL and rng.random() < 0.7:
            found[name] = values[_USUAL[name][kind]]
        elif name != "kind":
            found[name] = str(rng.choice(values, p=_uneven(len(values))))
    return found


def _uneven(n: int) -> np.ndarray:
    """Return probabilities that fall as one over the place."""
    weights = 1.0 / np.arange(1, n + 1)
    shares: np.ndarray = weights / weights.sum()
    return shares


def statement(name: str, value: str) -> str:
    """Return a property as the text puts it."""
    return f"its {name} is {value}"


def _sentences(subject: str, facts: dict[str, str], *, is_read: bool) -> list[str]:
    """Return what the text says of a creature; questions' own words are used of those that are not asked about."""
    plain = [f"{subject} : {statement(name, value)} ." for name, value in facts.items()]
    told = [f"the {name} of {subject} is {value} ." for name, value in facts.items()]
    if not is_read:
        return plain + told
    return [*plain, *told, *(f"true of {subject} : {statement(name, value)} ." for name, value in facts.items())]


def _other(name: str, facts: dict[str, str], rng: np.random.Generator, n: int) -> list[str]:
    """Return wrong values of a property, the frequent ones more often."""
    values = VALUES[name]
    odds = np.where(np.array(values) == facts[name], 0.0, _uneven(len(values)))
    return [str(v) for v in rng.choice(values, n, replace=False, p=odds / odds.sum())]


def _ask(form: str, subject: str, facts: dict[str, str], rng: np.random.Generator) -> Question:
    name = str(rng.choice(list(facts)))
    if form == "plain":
        right, wrong = facts[name], _other(name, facts, rng, N_OPTIONS - 1)
        options = [statement(name, right), *(statement(name, value) for value in wrong)]
    else:
        others = rng.permutation([other for other in facts if other != name])[: N_OPTIONS - 1]
        options = [statement(name, _other(name, facts, rng, 1)[0])]
        options += [statement(str(other), facts[str(other)]) for other in others]
    order = rng.permutation(N_OPTIONS)
    return Question(form, subject, tuple(options[i] for i in order), int(np.flatnonzero(order == 0)[0]))
