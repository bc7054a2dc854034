"""Prompts as words: how lite0's text tower splits them and which words it knows."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

from mcdrl.base.errors import InputError

UNKNOWN = 0  # the number of every word that isn't in the vocabulary
_WORD = re.compile(r"[a-z0-9]+")
_KEPT_ENDINGS = ("ss", "us", "is")  # of singulars that end in s: loss, mucus, stenosis
_SIBILANTS = ("sses", "shes", "ches", "xes")  # plurals that lose two letters: losses, patches, boxes


def split(prompt: str) -> list[str]:
    """Return the words of a prompt: lower case, without accents, punctuation and plural endings.

    Hyphens separate words, so that "narrow-band" and "narrow band" are the same two words.
    """
    plain = unicodedata.normalize("NFKD", prompt.casefold())
    letters = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return [singular(word) for word in _WORD.findall(letters)]


def singular(word: str) -> str:
    """Return the word without the ending of a regular English plural; short words stay as they are."""
    if len(word) <= 3 or not word.endswith("s") or word.endswith(_KEPT_ENDINGS):
        return word
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    return word[:-2] if word.endswith(_SIBILANTS) else word[:-1]


class Vocabulary:
    """The words that a text tower has seen, numbered from 1; 0 stands for all others."""

    def __init__(self, words: Sequence[str]) -> None:
        """Number the words in the order given.

        Raises:
            InputError: a word stands twice or isn't in the form that `split` gives.
        """
        wrong = [word for word in words if split(word) != [word]]
        if wrong or len(set(words)) < len(words):
            raise InputError(f"a vocabulary holds single words, each once, as `split` gives them; wrong: {wrong[:5]}")
        self.words = tuple(words)
        self._numbers = {word: number for number, word in enumerate(words, 1)}

    @classmethod
    def of(cls, prompts: Iterable[str]) -> Vocabulary:
        """Return the vocabulary of all words of the prompts, in alphabetical order."""
        return cls(sorted({word for prompt in prompts for word in split(prompt)}))

    def __len__(self) -> int:
        """Return how many numbers there are: one a word and one for all unknown words."""
        return len(self.words) + 1

    def numbers(self, prompt: str) -> list[int]:
        """Return a number in [0, len(self)) for each word of the prompt.

        Raises:
            InputError: the prompt has no word at all.
        """
        numbers = [self._numbers.get(word, UNKNOWN) for word in split(prompt)]
        if not numbers:
            raise InputError(f"the prompt '{prompt}' has no word in it; write at least one in Latin letters or digits")
        return numbers

    def unknown(self, prompts: Iterable[str]) -> list[str]:
        """Return the words that aren't in the vocabulary, each once, in order of appearance."""
        words = [word for prompt in prompts for word in split(prompt)]
        return list(dict.fromkeys(word for word in words if word not in self._numbers))
