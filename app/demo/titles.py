"""Invents titles: readable Dutch names and authors, ISBNs from a block that is not handed out, PPNs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

TITLES = 23_000
REFERENCE_SHARE = 0.03  # of the books: encyclopaedias and the like, to be used on the spot
LOCAL_SHARE = 0.06  # of the books: the history of a town; half of the places keep it as reference
ISBN_BLOCK = "9789095"
FIRST_PPN = 45_000_000

# How much of each material there is, and whether it bears an ISBN.
MATERIALS = {
    "book": (0.80, True),
    "large_print": (0.05, True),
    "audiobook": (0.03, True),
    "dvd": (0.05, False),
    "sheet_music": (0.025, False),
    "games": (0.025, False),
    "daisy": (0.012, True),
    "braille": (0.008, True),
}

# With its article, so that the adjective can agree with it.
NOUNS = (
    ("de", "molen"), ("de", "brug"), ("de", "vuurtoren"), ("de", "kaart"), ("de", "winter"), ("de", "tuin"),
    ("de", "schipper"), ("de", "brief"), ("de", "klok"), ("de", "dijk"), ("de", "vlinder"), ("de", "bakker"),
    ("de", "nacht"), ("de", "rivier"), ("de", "zolder"), ("de", "reis"), ("de", "veerpont"), ("de", "stilte"),
    ("de", "sleutel"), ("de", "horizon"), ("de", "appelboom"), ("de", "visser"), ("de", "schaduw"), ("de", "trein"),
    ("de", "polder"), ("de", "fiets"), ("de", "zee"), ("de", "herfst"), ("de", "koning"), ("de", "kraai"),
    ("de", "wolk"), ("de", "lantaarn"), ("de", "steen"), ("de", "belofte"), ("de", "getijdenmaker"), ("de", "hoeve"),
    ("het", "huis"), ("het", "eiland"), ("het", "water"), ("het", "geheim"), ("het", "dorp"), ("het", "boek"),
    ("het", "licht"), ("het", "veld"), ("het", "orgel"), ("het", "bos"), ("het", "wad"), ("het", "kanaal"),
    ("het", "raadsel"), ("het", "verhaal"), ("het", "venster"), ("het", "schip"), ("het", "atelier"),
    ("het", "spoor"), ("het", "lied"), ("het", "paard"), ("het", "testament"), ("het", "gemaal"),
    ("het", "erf"), ("het", "kompas"),
)  # fmt: skip
ADJECTIVES = (
    ("stille", "stil"), ("laatste", "laatste"), ("verloren", "verloren"), ("blauwe", "blauw"), ("gouden", "gouden"),
    ("oude", "oud"), ("lange", "lang"), ("vergeten", "vergeten"), ("kleine", "klein"), ("rode", "rood"),
    ("verre", "ver"), ("zwarte", "zwart"), ("witte", "wit"), ("gebroken", "gebroken"), ("groene", "groen"),
    ("koude", "koud"), ("verborgen", "verborgen"), ("eerste", "eerste"), ("wilde", "wild"), ("warme", "warm"),
)  # fmt: skip
PEOPLE = (
    "de veerman", "de lichtwachter", "mijn grootmoeder", "de orgelbouwer", "een landmeter", "de tweeling",
    "de dijkgraaf", "een postbode", "de imker", "de stuurvrouw", "het meisje", "de zoutzieder", "de horlogemaker",
    "een vondeling",
)  # fmt: skip
PLACES = (
    "achter", "onder", "bij", "voorbij", "tegenover", "naast", "aan", "boven", "buiten", "rond",
)  # fmt: skip
SUBJECTS = (
    "Breien", "Bijen houden", "Zeilen", "Brood bakken", "Sterrenkunde", "Moestuinieren", "Schaken", "Boekbinden",
    "Fietsen herstellen", "Vogels kijken", "Programmeren", "Dammen", "Aquarelleren", "Orgel spelen", "Houtbewerken",
)  # fmt: skip
APPROACHES = (
    "voor beginners", "voor gevorderden", "stap voor stap", "in honderd dagen", "voor het hele gezin", "van a tot z",
    "in de praktijk", "met kinderen", "met weinig geld", "zonder omhaal",
)  # fmt: skip
LOCAL_SUBJECTS = (
    "Geschiedenis van {}", "Oude ansichten van {}", "De straatnamen van {}", "Wandelen rond {}", "{} in oorlogstijd",
    "Molens en boerderijen bij {}", "Het dialect van {}", "{} van boven gezien",
)  # fmt: skip
# The more ways to fill a pattern, the more often it stands here.
PATTERNS = (
    *9 * ("{article} {noun} {place} {other}",),
    *7 * ("Een {indefinite} {noun} voor {someone}",),
    *2 * ("{article} {noun} van {someone}",),
    *1 * ("{article} {adjective} {noun}",),
    *1 * ("{subject} {approach}",),
)
GIVEN_NAMES = (
    "Aafke", "Bram", "Carlijn", "Daan", "Elske", "Froukje", "Gijs", "Hilde", "Ilse", "Jorrit", "Karlijn", "Lieke",
    "Maarten", "Nienke", "Okke", "Pleun", "Roos", "Sietske", "Teun", "Ubel", "Veerle", "Wessel", "Yara", "Zwaantje",
)  # fmt: skip
SURNAME_BEGINNINGS = (
    "Zilver", "Turf", "Winde", "Meeuwen", "Wolken", "Rogge", "Vlas", "Kraaien", "Hazel", "Lisse", "Ketel", "Roer",
    "Duinen", "Spijker", "Klaver", "Bever", "Mist", "Horen", "Zwanen", "Griend",
)  # fmt: skip
SURNAME_ENDS = (
    "dijker", "horstman", "velder", "stra", "brugge", "kampen", "waarder", "lander", "schaar", "steker", "tuyn",
    "moer", "wende", "drift", "kolk",
)  # fmt: skip


T = TypeVar("T")


def _pick(words: Sequence[T], draw: int) -> T:
    return words[draw % len(words)]


@dataclass(frozen=True, slots=True)
class Title:
    """An invented work. `province` is set when it is about a town there; `use` is loan, reference or local."""

    isbn: str
    ppn: str
    name: str
    author: str
    material: str
    use: str = "loan"
    province: str = ""


def isbn13(number: int) -> str:
    """Return the ISBN-13 with `number` (0 to 99,999) in the block; the last digit is the check digit."""
    body = f"{ISBN_BLOCK}{number:05d}"
    total = sum(int(digit) * (1, 3)[place % 2] for place, digit in enumerate(body))
    return f"{body}{-total % 10}"


def ppn(number: int) -> str:
    """Return a PPN: eight digits and a check digit modulo 11, which may be X."""
    body = f"{number:08d}"
    total = sum(int(digit) * weight for digit, weight in zip(body, range(9, 1, -1), strict=True))
    check = -total % 11
    return f"{body}{'X' if check == 10 else check}"


def make_titles(towns: list[tuple[str, str]], rng: np.random.Generator) -> list[Title]:
    """Invent TITLES titles; `towns` are pairs of name and province code to write local history about."""
    materials = rng.choice(list(MATERIALS), TITLES, p=[share for share, _ in MATERIALS.values()])
    uses = rng.choice(
        ("reference", "local", "loan"), TITLES, p=(REFERENCE_SHARE, LOCAL_SHARE, 1 - REFERENCE_SHARE - LOCAL_SHARE)
    )
    draws = rng.integers(0, 2**31, (TITLES, 8)).tolist()
    seen: set[str] = set()
    made = []
    for number, (material, use, draw) in enumerate(zip(materials.tolist(), uses.tolist(), draws, strict=True)):
        use = use if material == "book" else "loan"
        town, province = towns[draw[5] % len(towns)] if use == "local" else ("", "")
        name = _unseen(_local_name(town, draw) if use == "local" else _name(use, draw), seen)
        has_isbn = MATERIALS[material][1]
        made.append(
            Title(
                isbn13(number) if has_isbn else "",
                "" if has_isbn and number % 30 == 0 else ppn(FIRST_PPN + number),
                name,
                _author(draw),
                material,
                use,
                province,
            )
        )
    return made


def _name(use: str, draw: list[int]) -> str:
    if use == "reference":
        return f"{_pick(SUBJECTS, draw[0])}: het naslagwerk deel {draw[1] % 12 + 1}"
    article, noun = _pick(NOUNS, draw[0])
    adjective = _pick(ADJECTIVES, draw[1])
    others = [other for other in NOUNS if other[1] != noun]
    pattern = _pick(PATTERNS, draw[7])
    return pattern.format(
        subject=_pick(SUBJECTS, draw[0]),
        approach=_pick(APPROACHES, draw[1]),
        article=article.capitalize(),
        adjective=adjective[0],
        indefinite=adjective[1 if article == "het" else 0],
        noun=noun,
        place=_pick(PLACES, draw[3]),
        other=" ".join(_pick(others, draw[2])),
        someone=_pick(PEOPLE, draw[3]),
    )


def _local_name(town: str, draw: list[int]) -> str:
    return _pick(LOCAL_SUBJECTS, draw[0]).format(town)


def _unseen(name: str, seen: set[str]) -> str:
    """Tell later titles of the same name apart as later editions."""
    edition, unique = 1, name
    while unique in seen:
        edition += 1
        unique = f"{name} ({edition}e druk)"
    seen.add(unique)
    return unique


def _author(draw: list[int]) -> str:
    return f"{_pick(GIVEN_NAMES, draw[4])} {_pick(SURNAME_BEGINNINGS, draw[5])}{_pick(SURNAME_ENDS, draw[6])}"
