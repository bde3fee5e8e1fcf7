"""The requests that every contender answers: drawn once, by a seed, from the demonstration network."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random

from routing import ready_at
from routing.model import Holding, Location, Question, Register, Timetable


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
    """Draw `count` requests in the seven days from `week` on, each with `size` candidates.

    They are ready when the register says so, as in a decision, so that its arrivals can be compared too.
    """
    chance = Random(seed)
    stop_ids = tuple(stop.id for stop in timetable.stops)
    served = tuple(sorted(set(timetable.stop_times.stop.tolist())))
    questions = []
    for _ in range(count):
        requested = int(week.timestamp()) + chance.randrange(7 * 86400)
        pickup, *holders = chance.sample(served, size + 1)
        moment = datetime.fromtimestamp(requested, UTC)
        candidates = tuple((stop, _ready(register, stop_ids[stop], moment)) for stop in holders)
        questions.append(Drawn(pickup, requested, candidates))
    return Draw(week, served, tuple(questions), register, stop_ids)


def _ready(register: Register, location_id: str, requested: datetime) -> int:
    location = register.locations.get(location_id) or Location(location_id)
    ready = ready_at(
        requested, location.handling_minutes, opening_hours=location.opening_hours, timezone=register.timezone
    )
    assert ready is not None, f"{location_id} never opens"
    return int(ready.timestamp())
