"""Organisations, branches and hubs: how many, where, and who shares a system, as the founding text has it."""

from __future__ import annotations

import re
from collections import Counter, defaultdict

import opening_hours

from tests.demo.conftest import Row

AGREED = [
    "isil",
    "name",
    "kind",
    "parent",
    "province",
    "poi",
    "system",
    "lat",
    "lon",
    "handling_minutes",
    "opening_hours",
]
POI_OF_PROVINCE = {
    "GR": "biblionet-groningen",
    "FR": "fers",
    "DR": "biblionet-drenthe",
    "FL": "bnf",
    "OV": "rijnbrink",
    "GE": "rijnbrink",
    "UT": "bisc",
    "NH": "probiblio",
    "ZH": "probiblio",
    "NB": "cubiss",
    "LI": "cubiss",
    "ZE": "zb",
}


def test_the_columns_are_those_of_the_format_and_two_of_ours(register: list[Row]) -> None:
    assert list(register[0]) == [*AGREED, "system_kind", "system_since"]


def test_how_many_there_are(agencies: dict[str, Row], locations: dict[str, Row], hubs: dict[str, Row]) -> None:
    assert len(agencies) == 136
    assert len(locations) == 1300
    assert len({hub["poi"] for hub in hubs.values() if hub["name"].startswith("Hub ")}) == 9
    assert [hub["name"] for hub in hubs.values() if not hub["poi"]] == ["Landelijk sorteercentrum (Nieuwegein)"]


def test_every_row_has_an_id_and_a_name_of_its_own(register: list[Row]) -> None:
    assert max(Counter(row["isil"] for row in register).values()) == 1
    assert max(Counter((row["kind"], row["name"]) for row in register).values()) == 1
    assert all(re.fullmatch(r"NL-0[78]\d{8}", row["isil"]) for row in register)


def test_known_isils_are_kept(agencies: dict[str, Row]) -> None:
    assert agencies["NL-0800070000"]["name"] == "Openbare Bibliotheek Amsterdam (OBA)"
    assert agencies["NL-0800270000"]["name"] == "Bibliotheek Den Haag"


def test_every_location_belongs_to_an_agency_of_its_province_and_every_agency_has_one(
    agencies: dict[str, Row], locations: dict[str, Row]
) -> None:
    for isil, row in locations.items():
        agency = agencies[row["parent"]]
        assert isil.startswith(agency["isil"][:-4])
        assert (row["province"], row["poi"]) == (agency["province"], agency["poi"])
    assert {row["parent"] for row in locations.values()} == set(agencies)


def test_twelve_provinces_and_nine_pois_as_the_founding_text_pairs_them(agencies: dict[str, Row]) -> None:
    assert {row["province"]: row["poi"] for row in agencies.values()} == POI_OF_PROVINCE


def test_larger_places_have_more_branches(locations: dict[str, Row]) -> None:
    def branches(place: str) -> int:
        return sum(re.match(rf"Bibliotheek {place}\b", row["name"]) is not None for row in locations.values())

    assert branches("Rotterdam") >= branches("Breda") > branches("Goes") >= branches("Ouddorp") == 1


def test_opening_hours_are_understood_and_closed_on_public_holidays(locations: dict[str, Row]) -> None:
    patterns = {row["opening_hours"] for row in locations.values()}
    assert len(patterns) >= 12
    for pattern in patterns:
        assert pattern.endswith("; PH off")
        opening_hours.OpeningHours(pattern)  # raises when it cannot be read


def test_handling_takes_one_to_eight_hours_at_a_branch_and_none_at_a_hub(
    locations: dict[str, Row], hubs: dict[str, Row]
) -> None:
    minutes = [int(row["handling_minutes"]) for row in locations.values()]
    assert (min(minutes), max(minutes)) == (60, 480)
    assert {row["handling_minutes"] for row in hubs.values()} == {"0"}


# --- who shares a system --------------------------------------------------------------------------


def test_all_organisations_of_six_provinces_take_part_in_their_provincial_system(agencies: dict[str, Row]) -> None:
    systems = _systems(agencies)
    assert {province: systems[province] for province in ("DR", "FL", "FR", "GR", "OV", "ZE")} == {
        "DR": {"ils-drenthe": 4},
        "FL": {"ils-flevoland": 2},
        "FR": {"ils-friesland": 5},
        "GR": {"ils-groningen": 2},
        "OV": {"ils-overijssel": 24},
        "ZE": {"ils-zeeland": 3},
    }


def test_almost_every_organisation_of_noord_brabant_is_on_its_own(agencies: dict[str, Row]) -> None:
    systems = _systems(agencies)["NB"]
    shared = {system for province, row in _systems(agencies).items() if province != "NB" for system in row}
    assert max(systems[system] for system in systems if system) == 1
    assert [system for system in systems if system and system in shared] == ["wise-midden-zuid"]


def test_the_other_provinces_are_in_between(agencies: dict[str, Row]) -> None:
    for province in ("GE", "LI", "NH", "UT", "ZH"):
        systems = _systems(agencies)[province]
        assert 1 < max(systems.values()) < systems.total(), province


def test_one_wise_spans_utrecht_much_of_limburg_and_a_part_of_brabant(agencies: dict[str, Row]) -> None:
    spans = Counter(row["province"] for row in agencies.values() if row["system"] == "wise-midden-zuid")
    assert spans == {"UT": 8, "LI": 11, "NB": 1}


def test_all_four_systems_are_there_and_some_answer_by_hand(agencies: dict[str, Row]) -> None:
    kinds = {row["system"]: row["system_kind"] for row in agencies.values()}
    assert set(kinds.values()) == {"wise", "vubis", "concerto", "brocade", ""}
    assert kinds[""] == ""
    assert all(row["system_since"] for row in agencies.values() if row["system"])


def test_a_branch_is_in_the_system_of_its_organisation(agencies: dict[str, Row], locations: dict[str, Row]) -> None:
    assert all(row["system"] == agencies[row["parent"]]["system"] for row in locations.values())


def test_a_system_is_of_one_kind(agencies: dict[str, Row]) -> None:
    kinds = defaultdict(set)
    for row in agencies.values():
        kinds[row["system"]].add(row["system_kind"])
    assert {len(kind) for kind in kinds.values()} == {1}


def _systems(agencies: dict[str, Row]) -> dict[str, Counter[str]]:
    systems: dict[str, Counter[str]] = defaultdict(Counter)
    for row in agencies.values():
        systems[row["province"]][row["system"]] += 1
    return systems
