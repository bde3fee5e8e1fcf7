"""Library systems as data: how each is reached, who uses it, what works, and secrets that nobody sees again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from typing import Any

import httpx
import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr

from adapters.contract import Capabilities, Lacking, Scheme, Snapshot, Title, Verb
from app.settings import Settings
from app.store.systems import find_system
from tests.support.filled import EVERYWHERE, fill, run_sql
from tests.support.house import House, open_house

REACHED: dict[str, Any] = {
    "kind": "fake",
    "addresses": {"desk": "fake:systems"},
    "branches": {"Centrum": "branch"},
    "limits": {"calls_per_second": 5.0},
}


@pytest.fixture(scope="module")
async def filled(database_url: str) -> str:
    await fill(database_url)
    return database_url


@pytest.fixture
async def house(filled: str) -> AsyncIterator[House]:
    await run_sql(filled, "delete from system where id like 'new%'; delete from secret")
    settings = Settings(database_url=filled, secrets_key=SecretStr(Fernet.generate_key().decode()))
    async with open_house(settings) as opened:
        yield opened


async def put(house: House, system: str = "new", **changes: Any) -> httpx.Response:
    return await house.client.put(f"/v1/systems/{system}", json={**REACHED, **changes})


def _vubis(**addresses: str) -> dict[str, Any]:
    return {"kind": "vubis", "addresses": {"iguana": "https://there/iguana/", **addresses}}


def pointers(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 422, answer.text
    return [error["pointer"] for error in answer.json()["errors"]]


async def test_a_system_is_made_and_shown_as_it_is_reached(house: House) -> None:
    whole = {
        "id": "new",
        "kind": "fake",
        "addresses": {"desk": "fake:systems"},
        "secrets": {},
        "branches": {"Centrum": "branch"},
        "options": {},
        "limits": {"calls_per_second": 5.0},
    }
    answer = await put(house)
    assert (answer.status_code, answer.json()["id"]) == (200, "new")
    shown = await house.client.get("/v1/systems/new/installation")
    assert {**shown.json(), "limits": whole["limits"]} == whole
    assert shown.json()["limits"]["calls_per_second"] == 5.0
    assert (await house.client.get("/v1/systems/new")).json() == {
        "id": "new",
        "kind": "fake",
        "called": True,
        "agencies": [],
        "breaker": "closed",
        "breakers": [],
    }


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"addresses": {"desk": "ftp://there/"}}, ["/addresses/desk"]),
        ({"addresses": {"desk": "http://name:secret@there/"}}, ["/addresses/desk"]),
        ({"addresses": {"desk": "http://"}}, ["/addresses/desk"]),
        ({"addresses": {"desk": "http://the\nre/"}}, ["/addresses/desk"]),
        (_vubis(sip2="http://there:6001/"), ["/addresses/sip2"]),
        (_vubis(sip2="there:6001"), ["/addresses/sip2"]),
        (_vubis(sip2="sip2://there:99999"), ["/addresses/sip2"]),
        (_vubis(iguana="sip2://there:6001"), ["/addresses/iguana"]),
        (_vubis(oai="sip2s://there:6001"), ["/addresses/oai"]),
        (_vubis(vsmart="fake:there"), ["/addresses/vsmart"]),
        (_vubis(vsmart="https://there/VubisSmartHttpApi.csp?"), ["/addresses/vsmart"]),
        (_vubis(iguana="https://there/iguana/?a=b"), ["/addresses/iguana"]),
        ({"addresses": {"desk": "https://there/#desk"}}, ["/addresses/desk"]),
        (
            {"kind": "concerto", "addresses": {"sru": "sip2://a/", "sip2": "https://a/"}},
            ["/addresses/sip2", "/addresses/sru"],
        ),
        ({"kind": "brocade", "addresses": {"oai": "https://a/", "sip2": "https://a/"}}, ["/addresses/sip2"]),
        ({"addresses": {"oai": "http://there/"}}, ["/addresses/desk", "/addresses/oai"]),
        ({"secrets": {"key": "nobody's"}}, ["/secrets/key", "/secrets/key"]),
        ({"branches": {"A/B~C": "nowhere"}}, ["/branches/A~1B~0C"]),
        ({"options": {"dialect": "x"}}, ["/options/dialect"]),
        ({"limits": {"calls_at_once": 0}}, ["/limits/calls_at_once"]),
        ({"addresses": {}, "options": {"dialect": "x"}}, ["/options/dialect"]),
        ({"kind": "alma"}, ["/kind"]),
        ({"kind": "manual"}, ["/kind"]),
        ({"adress": {}}, ["/adress"]),
    ],
)
async def test_what_is_wrong_is_named_and_nothing_is_changed(
    house: House, changes: dict[str, Any], expected: list[str]
) -> None:
    answer = await put(house, **changes)
    assert pointers(answer) == expected
    assert "name:secret" not in answer.text
    assert (await house.client.get("/v1/systems/new")).status_code == 404


@pytest.mark.parametrize("name", ["new%2Finstallation", "%20", "%2E%2E"])
async def test_a_system_is_not_named_by_what_other_addresses_end_in(house: House, name: str) -> None:
    answer = await house.client.put(f"/v1/systems/{name}", json=REACHED)
    assert answer.status_code in (404, 405, 422), answer.text
    listed = (await house.client.get("/v1/systems")).json()["items"]
    assert {row["id"] for row in listed}.isdisjoint({"new/installation", " ", ".."})


async def test_a_secret_is_kept_sealed_and_never_shown(house: House, filled: str, capsys: Any) -> None:
    secret = "correct-horse-battery-staple"
    answer = await house.client.put("/v1/secrets/a-key", json={"value": secret})
    assert answer.status_code == 204
    (listed,) = (await house.client.get("/v1/secrets")).json()["items"]
    assert (listed["name"], listed["systems"]) == ("a-key", [])
    async with house.ground.database.connection() as connection:
        sealed = await connection.fetchval("select sealed from secret")
    assert secret.encode() not in sealed
    assert house.ground.systems.vault.unseal(sealed) == secret
    said = capsys.readouterr()
    assert secret not in said.out + said.err


async def test_a_secret_that_a_system_goes_by_stays(house: House, filled: str) -> None:
    await house.client.put("/v1/secrets/a-key", json={"value": "one"})
    await put(house)
    await run_sql(filled, """update system set secrets = '{"api_key": "a-key"}' where id = 'new'""")
    answer = await house.client.delete("/v1/secrets/a-key")
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/secret-in-use")
    await put(house)
    assert (await house.client.delete("/v1/secrets/a-key")).status_code == 204
    assert (await house.client.delete("/v1/secrets/a-key")).json()["type"] == "/problems/unknown-secret"


async def test_without_a_key_no_secret_is_kept(filled: str) -> None:
    async with open_house(Settings(database_url=filled)) as house:
        answer = await house.client.put("/v1/secrets/a-key", json={"value": "one"})
    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/vault-closed")


async def test_a_change_is_taken_up_with_the_next_call(house: House) -> None:
    await put(house)
    async with house.ground.database.connection() as connection:
        first = await house.ground.systems.find(connection, "new")
        assert await house.ground.systems.find(connection, "new") is first
        await put(house, addresses={"desk": "fake:other"})
        assert await house.ground.systems.find(connection, "new") is not first
        await put(house, addresses={})
        assert await house.ground.systems.find(connection, "new") is None


async def test_trying_says_of_every_verb_what_came_of_it(house: House) -> None:
    await put(house)
    answer = await house.client.post(
        "/v1/systems/new/check", json={"isbn": EVERYWHERE, "supplying_location": "branch"}
    )
    assert answer.status_code == 200, answer.text
    outcomes = {tried["verb"]: tried["outcome"] for tried in answer.json()["verbs"]}
    assert outcomes == {
        **{verb.value: "not_offered" for verb in Verb},
        "place": "not_tried",
        "find": "works",
        "status": "works",
        "cancel": "not_tried",
    }


async def test_trying_a_system_that_is_away_says_so(house: House) -> None:
    await put(house, addresses={"desk": "http://127.0.0.1:9/"})
    answer = await house.client.post(
        "/v1/systems/new/check", json={"isbn": EVERYWHERE, "supplying_location": "branch"}
    )
    tried = {tried["verb"]: tried for tried in answer.json()["verbs"]}
    assert tried["status"]["outcome"] == "fails"
    assert tried["status"]["detail"].startswith("Unavailable: ")


async def test_what_cannot_be_tried_is_refused(house: House) -> None:
    assert (await house.client.post("/v1/systems/new/check", json={})).status_code == 404
    await put(house, addresses={})
    assert pointers(await house.client.post("/v1/systems/new/check", json={})) == [""]
    await put(house)
    assert pointers(await house.client.post("/v1/systems/new/check", json={})) == [""], (
        "it has no holdings to draw from"
    )


async def test_an_agency_moves_from_one_system_to_another(house: House, filled: str) -> None:
    await put(house, "new-old")
    await put(house, "new-new")
    for system, period in (("new-old", {"until": "2026-01-01"}), ("new-new", {"since": "2026-01-01"})):
        answer = await house.client.put(f"/v1/systems/{system}/agencies/NL-2", json=period)
        assert answer.status_code == 204
    agency = (await house.client.get("/v1/agencies/NL-2")).json()
    assert agency["system"] == "new-new"
    state = await house.ground.snapshot.follow()
    assert state.register.agencies["NL-2"].system == "new-new"
    for system in ("new-old", "new-new"):
        assert (await house.client.delete(f"/v1/systems/{system}/agencies/NL-2")).status_code == 204
    assert (await house.client.delete("/v1/systems/new-new/agencies/NL-2")).status_code == 404
    wrong = await house.client.put(
        "/v1/systems/new-new/agencies/NL-2", json={"since": "2026-01-02", "until": "2026-01-02"}
    )
    assert pointers(wrong) == ["/until"]


async def test_how_a_system_is_doing_is_seen_by_all(house: House) -> None:
    await put(house, addresses={"desk": "http://127.0.0.1:9/"})
    for _ in range(2):
        await house.client.post("/v1/systems/new/check", json={"isbn": EVERYWHERE, "supplying_location": "branch"})
        await house.client.post("/v1/systems/new/check", json={"isbn": EVERYWHERE, "supplying_location": "branch"})
    await house.ground.systems.settle()
    shown = (await house.client.get("/v1/systems/new")).json()
    assert shown["breaker"] == "open"
    (breaker,) = shown["breakers"]
    assert breaker["state"] == "open"
    assert "ConnectorError" in breaker["why"]
    assert [
        row["breaker"] for row in (await house.client.get("/v1/systems")).json()["items"] if row["id"] == "new"
    ] == ["open"]


async def test_what_opened_a_breaker_is_overtaken_by_a_check_that_goes_well(house: House, filled: str) -> None:
    await put(house)
    stale = (
        "insert into breaker (system, process, state, why, since, seen_at)"
        " values ('new', 'ended', 'open', 'status 503', now(), now())"
    )
    ask = {"isbn": EVERYWHERE, "supplying_location": "branch"}
    await run_sql(filled, stale)
    await house.client.post("/v1/systems/new/check", json=ask)
    assert (await house.client.get("/v1/systems/new")).json()["breaker"] == "closed"
    await put(house, addresses={"desk": "http://127.0.0.1:9/"})
    await run_sql(filled, stale)
    await house.client.post("/v1/systems/new/check", json=ask)
    assert (await house.client.get("/v1/systems/new")).json()["breaker"] == "open"


async def test_another_secret_is_another_chance(house: House, filled: str) -> None:
    await put(house)
    await house.client.put("/v1/secrets/a-key", json={"value": "wrong"})
    await run_sql(
        filled,
        """update system set secrets = '{"api_key": "a-key"}' where id = 'new';
        insert into breaker (system, process, state, why, since, seen_at)
        values ('new', 'some process', 'open', 'not let in', now(), now())""",
    )
    await house.client.put("/v1/secrets/a-key", json={"value": "right"})
    assert (await house.client.get("/v1/systems/new")).json()["breaker"] == "closed"


@pytest.mark.parametrize(
    "value", ["correct-horse\r\n", "correct-horse\nx: y", "correct-horse\x1b", "correct-horse\x7f"]
)
async def test_a_secret_with_control_characters_is_refused_and_not_repeated(
    house: House, capsys: Any, value: str
) -> None:
    answer = await house.client.put("/v1/secrets/a-key", json={"value": value})
    assert pointers(answer) == ["/value"]
    said = capsys.readouterr()
    assert "correct-horse" not in answer.text + said.out + said.err
    assert (await house.client.get("/v1/secrets")).json()["items"] == []


class Knowing(Lacking):
    """Knows titles by PPN alone, and has none of them."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def capabilities(self) -> Capabilities:
        return Capabilities(verbs=frozenset({Verb.RESOLVE, Verb.AVAILABILITY}), schemes=frozenset({Scheme.PPN}))

    async def resolve(self, title: Title) -> list[str]:
        self.asked.append("resolve")
        return []

    async def availability(self, references: Collection[str]) -> list[Snapshot]:
        self.asked.append("availability")
        return []


async def test_what_was_not_asked_is_not_said_to_work(house: House) -> None:
    await put(house)
    async with house.ground.database.connection() as connection:
        known = await find_system(connection, "new")
    system = Knowing()
    house.ground.systems.put("new", system, of=known)

    async def tried(**named: str) -> list[tuple[str, str]]:
        answer = await house.client.post("/v1/systems/new/check", json={"supplying_location": "branch", **named})
        verbs = {tried["verb"]: tried for tried in answer.json()["verbs"]}
        return [(verbs[verb]["outcome"], verbs[verb]["detail"]) for verb in ("resolve", "availability")]

    no_record = ("not_tried", "No record of the title was found to ask about: try another title.")
    assert await tried(isbn=EVERYWHERE) == [
        ("not_tried", "It does not know titles by the number that this one was named by."),
        no_record,
    ]
    assert system.asked == []
    assert await tried(ppn="123456789") == [("works", "It answered: 0 records are this title."), no_record]
    assert system.asked == ["resolve"]


async def test_trying_with_places_that_are_not_there_names_them(house: House) -> None:
    await put(house)
    ask = {"isbn": EVERYWHERE, "supplying_location": "nowhere", "pickup_location": "nowhere either"}
    answer = await house.client.post("/v1/systems/new/check", json=ask)
    assert pointers(answer) == ["/supplying_location", "/pickup_location"]


async def test_trying_warns_of_locations_that_answer_by_hand_all_the_same(house: House, filled: str) -> None:
    await put(house, branches={"Centrum": "branch", "Ver": "far"})
    await house.client.put("/v1/systems/new/agencies/NL-2", json={})
    ask = {"isbn": EVERYWHERE, "supplying_location": "branch"}
    try:
        assert (await house.client.post("/v1/systems/new/check", json=ask)).json()["warnings"] == []
        await run_sql(
            filled,
            "insert into system (id, kind) values ('manual', 'manual') on conflict do nothing;"
            " update location set system = 'manual' where id in ('closed', 'far', 'island', 'desk')",
        )
        # Those of its agency, and those that a branch of it is; what other agencies have is theirs.
        assert (await house.client.post("/v1/systems/new/check", json=ask)).json()["warnings"] == [
            "2 locations of this system answer by hand, as their own rows name no system: closed, far. No decision"
            " asks new about copies there, and no order goes there by it. Import the rows again with new in the"
            " column system."
        ]
    finally:
        await run_sql(filled, "update location set system = null; delete from system where id = 'manual'")
