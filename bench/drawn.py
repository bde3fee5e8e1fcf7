"""The requests that every contender answers: drawn once, by a seed, from the demonstration network."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random

from routing.model import Holding, Question, Register, Timetable


@dataclass(frozen=True, slots=True)
class Drawn:
    """One request: pickup stop, moment, and candidates as (stop, ready); positions and UTC epoch seconds."""

    pickup: int
    requested: int
    candidates: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Draw:
    """Requests within one week, and what a whole decision needs besides."""

    week: datetime
    served: tuple[int, ...]
    questions: tuple[Drawn, ...]
    register: Register
    stop_ids: tuple[str, ...]

    def ask(self, question: Drawn, size: int) -> tuple[Question, list[Holding]]:
        """Return a drawn request as the engine is asked it, with one holding per candidate."""
        asked = Question(
            pickup_location=self.stop_ids[question.pickup],
            requested_at=datetime.fromtimestamp(question.requested, UTC),
            limit=10,
        )
        return asked, [Holding(self.stop_ids[stop], copies=1) for stop, _ in question.candidates[:size]]


def draw(timetable: Timetable, register: Register, *, week: datetime, count: int, size: int, seed: int) -> Draw:
    """Draw `count` requests in the seven days from `week` on, each with `size` candidates."""
    chance = Random(seed)
    served = tuple(sorted(set(timetable.stop_times.stop.tolist())))
    questions = []
    for _ in range(count):
        requested = int(week.timestamp()) + chance.randrange(7 * 86400)
        pickup, *holders = chance.sample(served, size + 1)
        candidates = tuple((stop, requested + 60 * chance.randrange(600)) for stop in holders)
        questions.append(Drawn(pickup, requested, candidates))
    stop_ids = tuple(stop.id for stop in timetable.stops)
    return Draw(week, served, tuple(questions), register, stop_ids)
