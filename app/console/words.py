"""The console's words, in Dutch and English: `words/*.toml`, a table a page, each word `{nl = "…", en = "…"}`."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime, format_time
from babel.numbers import format_currency, format_decimal

LANGUAGES = ("nl", "en")
FOLDER = Path(__file__).parent / "words"
ZONE = ZoneInfo("Europe/Amsterdam")
NEAR = timedelta(days=180)


@cache
def words() -> dict[str, dict[str, str]]:
    """Return all words by `page.word`, each by language. Raises ValueError for one that lacks a language."""
    found: dict[str, dict[str, str]] = {}
    for file in sorted(FOLDER.glob("*.toml")):
        for page, table in tomllib.loads(file.read_text(encoding="utf-8")).items():
            for name, said in table.items():
                if set(said) != set(LANGUAGES):
                    raise ValueError(f"{file.name}: {page}.{name} is not in {' and '.join(LANGUAGES)}")
                found[f"{page}.{name}"] = said
    return found


def speak(language: str) -> Callable[..., str]:
    """Return what looks a word up in a language and fills its {places}. It raises KeyError for an unknown word."""
    known = words()

    def say(word: str, **places: object) -> str:
        return known[word][language].format(**places)

    return say


def known(word: str) -> bool:
    """Say whether there is such a word."""
    return word in words()


def choose_language(cookie: str | None, accepted: str) -> str:
    """Return the language of a page: as chosen, or else the first of ours that the browser names, or Dutch."""
    if cookie in LANGUAGES:
        return str(cookie)
    for part in accepted.split(","):
        name = part.split(";")[0].strip().lower()[:2]
        if name in LANGUAGES:
            return name
    return LANGUAGES[0]


class Writing:
    """Writes moments, days, numbers and money as a language does; moments in the network's timezone."""

    def __init__(self, language: str, *, zone: ZoneInfo = ZONE) -> None:
        self._locale = {"nl": "nl_NL", "en": "en_GB"}[language]
        self._zone = zone

    def moment(self, given: str | datetime | None) -> str:
        """Write a moment with its day; nothing, where there is none."""
        if given is None:
            return ""
        here = self._here(given)
        # A year that goes without saying is not said.
        near = abs(here - datetime.now(UTC)) < NEAR
        return format_datetime(here, "EEE d MMM HH:mm" if near else "EEE d MMM y HH:mm", locale=self._locale)

    def time(self, given: str | datetime | None) -> str:
        """Write the time of day of a moment."""
        return "" if given is None else format_time(self._here(given), "HH:mm", locale=self._locale)

    def day(self, given: str | date | None, pattern: str = "EEE d MMM y") -> str:
        """Write a day."""
        if given is None:
            return ""
        return format_date(
            date.fromisoformat(given) if isinstance(given, str) else given, pattern, locale=self._locale
        )

    def number(self, given: float | None, digits: int = 0) -> str:
        """Write a number with so many digits behind the comma."""
        if given is None:
            return "–"
        return format_decimal(round(given, digits), locale=self._locale)

    def euros(self, cents: float | None) -> str:
        """Write an amount of euro cents."""
        return "–" if cents is None else format_currency(cents / 100, "EUR", locale=self._locale)

    def _here(self, given: str | datetime) -> datetime:
        moment = datetime.fromisoformat(given) if isinstance(given, str) else given
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(self._zone)
