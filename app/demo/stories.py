"""Finds five questions that a librarian understands by searching the made data: no answer is written down."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import groupby, islice
from operator import itemgetter
from typing import Any
from zoneinfo import ZoneInfo

import holidays

from app.demo import facts
from app.demo.make import DemoFiles
from app.demo.organisations import island_of

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
ASKED_AT = time(10, 0)
MOST_PLACES = 12  # a title in more places than this makes no story
SHORTLIST = 40
FAR_APART = {
    "GR": frozenset({"ZE", "LI", "NB"}),
    "DR": frozenset({"ZE", "LI", "NB"}),
    "FR": frozenset({"ZE", "LI", "NB"}),
    "ZE": frozenset({"GR", "FR", "DR"}),
}
NOWHERE: frozenset[str] = frozenset()
SPECIAL = frozenset({"daisy", "braille"})

Reply = Mapping[str, Any]  # what POST /v1/decisions answers, as docs/openapi.json has it
Decide = Callable[[dict[str, Any]], Awaitable[Reply]]


@dataclass(frozen=True, slots=True)
class Place:
    """A location or hub of agencies.csv. `agency` is empty for a hub; `served`: some trip calls there."""

    id: str
    name: str
    agency: str
    province: str
    island: str
    served: bool


@dataclass(frozen=True, slots=True)
class Held:
    """A row of holdings.csv about a title that stands in few places. `available` is None where nobody knows."""

    place: Place
    material: str
    copies: int
    available: int | None
    loanable: bool

    @property
    def ready(self) -> bool:
        """A copy is known to be in and may leave."""
        return self.loanable and bool(self.available) and self.material not in SPECIAL and self.place.served

    @property
    def hindrance(self) -> str:
        """Name what keeps this place from supplying, as far as the files tell; empty when nothing does."""
        if self.material in SPECIAL:
            return "special"
        if not self.copies:
            return "no copies"
        if not self.loanable:
            return "reference"
        if self.available == 0:
            return "out"
        return "" if self.place.served else "closed"


@dataclass(frozen=True, slots=True)
class Work:
    """A title and where it stands."""

    isbn: str
    ppn: str
    name: str
    author: str
    held: tuple[Held, ...]


@dataclass(frozen=True, slots=True)
class Ask:
    """A question that may make a story: a title wanted at a counter."""

    work: Work
    pickup: Place
    requested_at: datetime

    @property
    def body(self) -> dict[str, Any]:
        """The body of POST /v1/decisions that asks it."""
        title = {"isbn": self.work.isbn} if self.work.isbn else {"ppn": self.work.ppn}
        asked = self.requested_at.isoformat()
        return {"title": title, "pickup_location": self.pickup.id, "requested_at": asked, "objective": "fastest"}

    @property
    def sentence(self) -> str:
        """The question as a librarian would put it."""
        return f"A reader at {self.pickup.name} asks for “{self.work.name}” by {self.work.author}. Who lends it?"


@dataclass(frozen=True, slots=True)
class Story:
    """What is to be shown, which questions may show it, and whether an answer does."""

    heading: str
    asks: tuple[Ask, ...]
    shown_by: Callable[[Ask, Reply], bool]


@dataclass(frozen=True, slots=True)
class Told:
    """A story with the question and the answer that tell it."""

    heading: str
    ask: Ask
    reply: Reply


# --- reading the made data ------------------------------------------------------------------------


def read_places(files: DemoFiles) -> dict[str, Place]:
    """Read every location and hub by id."""
    called_at = _called_at(files)
    with files.agencies.open(encoding="utf-8", newline="") as file:
        return {
            row["isil"]: Place(
                row["isil"],
                row["name"],
                row["parent"],
                row["province"],
                island_of(float(row["lat"]), float(row["lon"])) if row["kind"] == "location" else "",
                row["isil"] in called_at,
            )
            for row in csv.DictReader(file)
            if row["kind"] != "agency"
        }


def _called_at(files: DemoFiles) -> frozenset[str]:
    with zipfile.ZipFile(files.network) as archive, archive.open("stop_times.txt") as binary:
        return frozenset(row["stop_id"] for row in csv.DictReader(io.TextIOWrapper(binary, "utf-8")))


def read_names(files: DemoFiles) -> dict[str, str]:
    """Read what people call every agency, location and hub, by id."""
    with files.agencies.open(encoding="utf-8", newline="") as file:
        return {row["isil"]: row["name"] for row in csv.DictReader(file)}


def read_works(files: DemoFiles, places: Mapping[str, Place]) -> Iterator[Work]:
    """Read the titles that stand in 2 to MOST_PLACES places; the rows of a title stand together in the file."""
    with files.holdings.open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file)
        next(rows)
        for (isbn, ppn, name, author), group in groupby(rows, key=itemgetter(1, 2, 3, 4)):
            few = list(islice(group, MOST_PLACES + 1))
            if 2 <= len(few) <= MOST_PLACES:
                yield Work(isbn, ppn, name, author, tuple(_held(row, places) for row in few))


def _held(row: list[str], places: Mapping[str, Place]) -> Held:
    available = int(row[7]) if row[7] else None
    return Held(places[row[0]], row[5], int(row[6]), available, row[8] == "true")


# --- the five stories -----------------------------------------------------------------------------


def shortlist(files: DemoFiles, *, today: date) -> tuple[Story, ...]:
    """Search the made data for questions that may tell each of the five stories, always in the same order."""
    places = read_places(files)
    works = list(read_works(files, places))
    asked = asked_at(today)
    branches = [place for place in places.values() if place.agency and place.served]
    hubs = frozenset(hub.id for hub in facts.hubs() if hub.role == "national")
    boats = frozenset(ferry.operator_name for ferry in facts.ferries())

    def story(heading: str, pairs: Iterable[tuple[Work, Place]], shown_by: Callable[[Ask, Reply], bool]) -> Story:
        return Story(heading, tuple(Ask(work, place, asked) for work, place in islice(pairs, SHORTLIST)), shown_by)

    return (
        story("From the own shelf", _own_shelf(works), _stays),
        story("From another library in the same province", _same_province(works, branches), _rides_in(places)),
        story(
            "Across the country, through the national centre", _across(works, branches), _touches(hubs, "to_location")
        ),
        story("To an island, by boat", _island(works, branches), _touches(boats, "operator")),
        story("Nobody can", _nobody(works, branches), _refuses_all),
    )


def asked_at(today: date) -> datetime:
    """Return when the questions are put: in the morning of the next day on which people work."""
    closed = holidays.country_holidays("NL", years=(today.year, today.year + 1))
    ahead = (today + timedelta(days=days) for days in range(14))
    return datetime.combine(
        next(day for day in ahead if day.weekday() < 5 and day not in closed), ASKED_AT, AMSTERDAM
    )


def _own_shelf(works: Iterable[Work]) -> Iterator[tuple[Work, Place]]:
    for work in works:
        if len(work.held) >= 4:
            yield from ((work, held.place) for held in work.held[:1] if held.ready)


def _same_province(works: Iterable[Work], branches: list[Place]) -> Iterator[tuple[Work, Place]]:
    for work in works:
        agencies = {held.place.agency for held in work.held}
        province = next((held.place.province for held in work.held if held.ready), None)
        near = (place for place in branches if place.province == province and place.agency not in agencies)
        pickup = next(near, None)
        if pickup and len(work.held) >= 4:
            yield work, pickup


def _across(works: Iterable[Work], branches: list[Place]) -> Iterator[tuple[Work, Place]]:
    for work in works:
        holders = {held.place.province for held in work.held}
        pickup = next((place for place in branches if holders <= FAR_APART.get(place.province, NOWHERE)), None)
        if pickup and sum(held.ready for held in work.held) >= 2:
            yield work, pickup


def _island(works: Iterable[Work], branches: list[Place]) -> Iterator[tuple[Work, Place]]:
    islands = [place for place in branches if place.island]
    lent = (work for work in works if len(work.held) >= 4 and any(held.ready for held in work.held))
    for number, work in enumerate(lent):
        pickup = islands[number % len(islands)]
        if all(held.place.island != pickup.island for held in work.held):
            yield work, pickup


def _nobody(works: Iterable[Work], branches: list[Place]) -> Iterator[tuple[Work, Place]]:
    """Titles that nobody can lend, those with the most different hindrances and then the fewest places first."""
    hopeless = [work for work in works if all(held.hindrance for held in work.held)]
    hopeless.sort(key=lambda work: (-len({held.hindrance for held in work.held}), len(work.held)))
    for work in hopeless:
        holders = {held.place.id for held in work.held}
        province = work.held[0].place.province
        near = (place for place in branches if place.province == province and place.id not in holders)
        pickup = next(near, None)
        if pickup:
            yield work, pickup


# --- whether an answer tells the story ------------------------------------------------------------


def _stays(ask: Ask, reply: Reply) -> bool:
    best = reply["rota"][:1]
    return bool(best) and best[0]["supplying_location"] == ask.pickup.id and not best[0]["legs"]


def _rides_in(places: Mapping[str, Place]) -> Callable[[Ask, Reply], bool]:
    def shown(ask: Ask, reply: Reply) -> bool:
        best = next(iter(reply["rota"]), None)
        if best is None or len(best["legs"]) < 2:
            return False
        supplier = places[best["supplying_location"]]
        return supplier.province == ask.pickup.province and supplier.agency != ask.pickup.agency

    return shown


def _touches(wanted: frozenset[str], field: str) -> Callable[[Ask, Reply], bool]:
    def shown(_: Ask, reply: Reply) -> bool:
        return any(leg[field] in wanted for entry in reply["rota"][:1] for leg in entry["legs"])

    return shown


def _refuses_all(_: Ask, reply: Reply) -> bool:
    return not reply["rota"] and len({refusal["reason"] for refusal in reply["refusals"]}) >= 2


async def tell(stories: Iterable[Story], decide: Decide) -> list[Told]:
    """Ask each story's questions until an answer tells it; a story that no answer tells is left out.

    No title and no counter stands in two stories.
    """
    told: list[Told] = []
    for story in stories:
        for ask in story.asks:
            if any(ask.work is earlier.ask.work or ask.pickup == earlier.ask.pickup for earlier in told):
                continue
            reply = await decide(ask.body)
            if story.shown_by(ask, reply):
                told.append(Told(story.heading, ask, reply))
                break
    return told
