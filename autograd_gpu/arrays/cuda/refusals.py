"""What kernels found wrong, raised when the host next waits for them. Knows tickets and words, no operation.

A launch that checks takes a ticket, under which the host remembers what to raise. A kernel that finds something wrong
writes the ticket and the number into its stream's word, memory that the host reads without a copy.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

Refuse = Callable[[int], Exception]

REMEMBERED = 1 << 12  # launches whose words may still come


class Word(NamedTuple):
    """64 bits that kernels write, through the pointer of `array`, and the host reads, as `value[0]`."""

    array: Any
    value: np.ndarray


class Refusals:
    """A word for each stream, and what the tickets in them stand for.

    With `at_once`, where every launch is done when it returns, they are raised by the call that made them.
    """

    def __init__(self, make_word: Callable[[], Word], at_once: bool) -> None:
        self._make_word, self._at_once = make_word, at_once
        self._words: dict[int, Word] = {}
        self._tickets: dict[int, Refuse] = {}
        self._captured: dict[int, Refuse] = {}  # a graph's launches keep theirs for all replays
        self._numbers = itertools.count(1)

    def ticket(self, gpu: Any, refuse: Refuse) -> tuple[Any, int]:
        """Return the array of the current stream's word and a ticket for a launch."""
        stream = gpu.stream()
        word = self._words.get(stream)
        if word is None:
            word = self._words[stream] = self._make_word()
            word.value[0] = 0
        number = next(self._numbers) % (1 << 32)
        if gpu.capturing():
            self._captured[number] = refuse
        else:
            self._tickets[number] = refuse
            self._tickets.pop(number - REMEMBERED, None)
        return word.array, number

    def listen(self) -> None:
        """Raise what a kernel refused, if one did. The host has just waited."""
        for word in self._words.values():
            said = int(word.value[0])
            if said:
                word.value[0] = 0
                number = (said & 0xFFFFFFFF ^ 0x80000000) - 0x80000000
                refuse = self._tickets.get(said >> 32) or self._captured.get(said >> 32)
                raise IndexError(f"index {number} is out of bounds") if refuse is None else refuse(number)

    def listen_if_done(self) -> None:
        """Raise at once where launches are done when they return."""
        if self._at_once:
            self.listen()
