"""The live day over the API: late and shortened trips, feeds, and what is planned again, against whole documents."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any

import httpx
import pytest
from google.transit import gtfs_realtime_pb2 as pb

from tests.lending.conftest import database_url, filled, house, server_url, template
from tests.lending.test_transport import LATER_IN, OUT, expected, last, shipped, way
from tests.support.house import House

__all__ = ["database_url", "filled", "house", "server_url", "template"]

CHANGES = "/v1/trips/changes"
DAY = "2026-11-23"
IN = "v1-in 11-23 H desk"
LATE = "What it rides, or was going to ride, is late or passes a stop by."


@pytest.fixture(autouse=True)
async def as_planned(house: House) -> None:
    """Have what the test before said be known as gone."""
    async with house.ground.database.transaction() as connection:
        await connection.execute("update epoch set number = number + 1 where of = 'register'")


async def change(house: House, trip: str, delay: int = 0, *, status: int = 201, **more: Any) -> dict[str, Any]:
    body = {"trip_id": trip, "service_date": DAY, "delay_seconds": delay, **more}
    answer = await house.client.post(CHANGES, json=body)
    assert answer.status_code == status, answer.text
    await house.work()
    found: dict[str, Any] = answer.json()
    return found


async def test_a_late_trip_is_said_shown_replaced_and_taken_back(house: House) -> None:
    skipped = [{"location": "H"}]
    first = await change(house, "v1-out", 600, from_call={"location": "H"}, skipped=skipped, note="ice")
    assert first == {
        "trip_id": "v1-out",
        "service_date": DAY,
        "route_id": "V1",
        "operator": "V1 vans",
        "delays": [{"location": "H", "visit": 1, "arrival_delay_seconds": 600, "departure_delay_seconds": 600}],
        "skipped": [{"location": "H", "visit": 1}],
        "source": "planner",
        "by": "admin",
        "note": "ice",
        "changed_at": "2026-11-23T07:00:00Z",
    }
    assert (await house.client.get(CHANGES)).json() == {"items": [first], "next_cursor": None}
    house.clock.set(datetime.fromisoformat("2026-11-23T08:05:00+01:00"))
    same = await change(house, "v1-out", 600, from_call={"location": "H"}, skipped=skipped, note="ice", status=200)
    assert same == first, "it says nothing new"
    other = await change(house, "v1-out", -60, status=200)
    assert (other["skipped"], other["changed_at"]) == ([], "2026-11-23T07:05:00Z")
    assert (await house.client.get(CHANGES, params={"since": "2026-11-24"})).json()["items"] == []
    assert (await house.client.delete(f"{CHANGES}/v1-out/{DAY}")).status_code == 204
    again = await house.client.delete(f"{CHANGES}/v1-out/{DAY}")
    assert (again.status_code, again.json()["type"]) == (404, "/problems/unknown-trip-change")


@pytest.mark.parametrize(
    ("body", "pointer", "detail"),
    [
        ({"trip_id": "nowhere", "delay_seconds": 60}, "/trip_id", "The active network has no trip nowhere."),
        (
            {"service_date": "2026-11-22", "delay_seconds": 60},
            "/service_date",
            "v1-out does not run on 2026-11-22.",
        ),
        ({}, "/delay_seconds", "Say how late it is, or what it skips: so it runs as planned."),
        ({"skipped": [{"location": "desk"}]}, "/skipped/0/location", "v1-out does not call at desk."),
        (
            {"delay_seconds": 60, "from_call": {"location": "desk"}},
            "/from_call",
            "v1-out does not call at desk.",
        ),
    ],
)
async def test_what_no_trip_does_is_refused(house: House, body: dict[str, Any], pointer: str, detail: str) -> None:
    for path in (CHANGES, f"{CHANGES}/preview"):
        answer = await house.client.post(path, json={"trip_id": "v1-out", "service_date": DAY, **body})
        assert (answer.status_code, answer.json()["errors"]) == (422, [{"pointer": pointer, "detail": detail}])
    for delay in (86_401, -3601, "60", 1.5):
        answer = await house.client.post(
            CHANGES, json={"trip_id": "v1-out", "service_date": DAY, "delay_seconds": delay}
        )
        assert answer.status_code == 422


async def test_who_waits_for_a_late_trip_is_told_when_it_comes_and_again_when_it_is_on_time(house: House) -> None:
    loan = await shipped(house)
    await change(house, "v1-in", 1800)
    standing = await house.look(loan)
    assert (way(standing), expected(standing)) == ([OUT, IN], "11-23 11:30")
    assert await last(house, loan) == {
        "event": "Replanned",
        "by": "leenpad",
        "note": LATE,
        "data": {"expected_before": "2026-11-23T10:00:00+00:00", "expected_at": "2026-11-23T11:30:00+01:00"},
    }
    await house.client.delete(f"{CHANGES}/v1-in/{DAY}")
    await house.work()
    assert expected(await house.look(loan)) == "11-23 11:00"


async def test_a_decision_made_then_counts_with_it(house: House) -> None:
    await change(house, "v1-in", 1800)
    loan = await house.asked()
    rota = (await house.look(loan))["rota"]
    assert next(entry for entry in rota if entry["supplying_location"] == "branch")["arrives_at"] == (
        "2026-11-23T11:30:00+01:00"
    )


async def test_on_board_it_misses_what_it_no_longer_catches_and_only_that(house: House) -> None:
    loan = await shipped(house)
    await house.later(minutes=90)
    await change(house, "v1-out", 1200, from_call={"location": "H"})
    standing = await house.look(loan)
    assert (way(standing), expected(standing)) == ([OUT, IN], "11-23 11:00")
    assert standing["itinerary"][0]["arrives_at"] == "2026-11-23T10:20:00+01:00"
    await change(house, "v1-out", 1260, from_call={"location": "H"}, status=200)
    standing = await house.look(loan)
    assert (way(standing), expected(standing)) == ([OUT, LATER_IN], "11-24 11:00")
    assert standing["itinerary"][0]["arrives_at"] == "2026-11-23T10:21:00+01:00"
    await house.work()
    assert (await house.history(loan)).count("Replanned: Loaned") == 2, "and then it is at rest"


async def test_what_staff_chose_stays_as_long_as_it_leads_there(house: House) -> None:
    loan = await shipped(house)
    legs = [
        {"trip_id": trip, "service_date": day, "from_location": start, "to_location": end}
        for trip, day, start, end in (("v1-out", DAY, "branch", "H"), ("v1-in", "2026-11-24", "H", "desk"))
    ]
    await house.acted(loan, "Override", legs=legs, by="desk")
    await change(house, "v1-out", 7200)
    standing = await house.look(loan)
    assert (way(standing), expected(standing)) == ([OUT, LATER_IN], "11-24 11:00")
    assert standing["itinerary"][0]["departs_at"] == "2026-11-23T11:00:00+01:00"
    await change(house, "v1-out", 0, skipped=[{"location": "branch"}], status=200)
    assert way(await house.look(loan)) == ["v1-out 11-24 branch H", LATER_IN]


async def test_a_preview_says_what_then_happens_and_does_nothing(house: House) -> None:
    loan = await shipped(house)
    body = {"trip_id": "v1-in", "service_date": DAY}
    before = await house.look(loan)

    async def previewed(**said: Any) -> dict[str, Any]:
        answer = await house.client.post(f"{CHANGES}/preview", json={**body, **said})
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    cancelled = await previewed(cancel=True)
    assert cancelled == {
        **body,
        "items": 1,
        "replanned": [
            {
                "loan_request": loan,
                "from_location": "branch",
                "to_location": "desk",
                "expected_before": "2026-11-23T10:00:00Z",
                "expected_at": "2026-11-24T11:00:00+01:00",
                "note": "What it was going to ride no longer runs.",
            }
        ],
    }
    late = await previewed(delay_seconds=600)
    assert [(one["expected_at"], one["note"]) for one in late["replanned"]] == [("2026-11-23T11:10:00+01:00", LATE)]
    both = await house.client.post(f"{CHANGES}/preview", json={**body, "cancel": True, "delay_seconds": 60})
    assert both.status_code == 422
    await house.work()
    assert await house.look(loan) == before
    answer = await house.client.post("/v1/trips/cancellations", json=body)
    assert answer.status_code == 201
    await house.work()
    assert expected(await house.look(loan)) == "11-24 11:00"
    listed = (await house.client.get("/v1/trips/replanned")).json()["items"]
    assert listed == [{**cancelled["replanned"][0], "id": listed[0]["id"], "at": "2026-11-23T07:00:00Z"}]


async def said(house: House, trip: str = "v1-in") -> dict[str, Any]:
    answer = await house.client.get(f"/v1/trips/{trip}/{DAY}/said")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    assert answer.headers["etag"] == f'"{found["revision"]}"'
    return found


async def test_nobodys_word_is_overwritten_unseen(house: House) -> None:
    nothing = await said(house)
    assert (nothing["change"], nothing["cancellation"]) == (None, None)
    seen = {"if-match": f'"{nothing["revision"]}"'}
    body = {"trip_id": "v1-in", "service_date": DAY}
    late = await house.client.post(CHANGES, json={**body, "delay_seconds": 900}, headers=seen)
    assert late.status_code == 201
    now = await said(house)
    assert now == {**body, "revision": now["revision"], "change": late.json(), "cancellation": None}
    for method, path, sent in (
        ("POST", CHANGES, {**body, "skipped": [{"location": "desk"}]}),
        ("DELETE", f"{CHANGES}/v1-in/{DAY}", None),
        ("POST", "/v1/trips/cancellations", body),
    ):
        answer = await house.client.request(method, path, json=sent, headers=seen)
        problem = answer.json()
        assert (answer.status_code, problem["type"]) == (412, "/problems/said-otherwise")
        assert (problem["revision"], problem["change"]["delays"]) == (now["revision"], now["change"]["delays"])
    assert await said(house) == now
    seen = {"if-match": now["revision"]}
    assert (await house.client.post("/v1/trips/cancellations", json=body, headers=seen)).status_code == 201
    now = await said(house)
    assert (now["change"], now["cancellation"]["source"]) == (late.json(), "planner")
    answer = await house.client.delete(f"/v1/trips/cancellations/v1-in/{DAY}", headers=seen)
    assert answer.status_code == 412
    both = {**body, "delay_seconds": 900, "skipped": [{"location": "desk"}]}
    answer = await house.client.post(CHANGES, json=both, headers={"if-match": now["revision"]})
    assert answer.status_code == 200
    now = await said(house)
    assert (now["change"], now["cancellation"]) == (answer.json(), None), "how it runs is said, so it runs"
    assert (await house.client.get(f"/v1/trips/nowhere/{DAY}/said")).status_code == 404
    wrong = await house.client.post(CHANGES, json=both, headers={"if-match": "soon"})
    assert wrong.json()["type"] == "/problems/invalid-input"


async def test_of_two_who_speak_at_once_one_is_told(house: House) -> None:
    seen = {"if-match": (await said(house))["revision"]}
    body = {"trip_id": "v1-in", "service_date": DAY}
    answers = await asyncio.gather(
        *(house.client.post(CHANGES, json={**body, "delay_seconds": 60 * late}, headers=seen) for late in (1, 2, 3))
    )
    assert sorted(answer.status_code for answer in answers) == [201, 412, 412]


# --- feeds ----------------------------------------------------------------------------------------


def feed(*entities: pb.FeedEntity, whole: bool = True, at: str | None = None) -> bytes:
    header = pb.FeedHeader(gtfs_realtime_version="2.0")
    if at is not None:
        header.timestamp = int(datetime.fromisoformat(f"2026-11-{at}+01:00").timestamp())
    header.incrementality = pb.FeedHeader.FULL_DATASET if whole else pb.FeedHeader.DIFFERENTIAL
    return bytes(pb.FeedMessage(header=header, entity=entities).SerializeToString())


def entity(
    trip: str, *, delay: int | None = None, skip: str | None = None, day: str | None = "20261123", **said: Any
) -> Any:
    update = pb.TripUpdate(trip=pb.TripDescriptor(trip_id=trip, start_date=day, **said))
    if delay is not None:
        update.delay = delay
    if skip is not None:
        update.stop_time_update.add(stop_id=skip, schedule_relationship="SKIPPED")
    return pb.FeedEntity(id=trip, trip_update=update)


async def send(house: House, data: bytes) -> dict[str, Any]:
    answer = await house.client.post(
        "/v1/imports/trip-updates", content=data, headers={"content-type": "application/x-protobuf"}
    )
    assert answer.status_code == 200, answer.text
    await house.work()
    found: dict[str, Any] = answer.json()
    return found


def counts(report: dict[str, Any]) -> str:
    named = ("read", "created", "updated", "unchanged", "removed", "rejected")
    return " ".join(f"{report[name]}{name[:3]}" for name in named if report[name])


async def test_a_feed_is_followed_and_the_same_again_changes_nothing(house: House) -> None:
    loan = await shipped(house)
    data = feed(entity("v1-in", delay=900), entity("line", schedule_relationship="CANCELED"), entity("nowhere"))
    assert await send(house, data) == {
        "read": 3,
        "created": 2,
        "updated": 0,
        "unchanged": 0,
        "removed": 0,
        "rejected": 1,
        "superseded": 0,
        "rejects": [
            {"line": 3, "field": "trip_id", "reason": "the active network has no trip nowhere on 2026-11-23"}
        ],
        "notes": [],
    }
    assert expected(await house.look(loan)) == "11-23 11:15"
    (said,) = (await house.client.get(CHANGES)).json()["items"]
    assert (said["trip_id"], said["source"], said["by"]) == ("v1-in", "feed", "admin")
    (gone,) = (await house.client.get("/v1/trips/cancellations")).json()["items"]
    assert (gone["trip_id"], gone["source"]) == ("line", "feed")
    events = len(await house.events(loan))
    assert counts(await send(house, data)) == "3rea 2unc 1rej"
    assert len(await house.events(loan)) == events
    assert counts(await send(house, feed(entity("v1-in", delay=0), entity("line")))) == "2rea 2upd"
    assert expected(await house.look(loan)) == "11-23 11:00"
    assert (await house.client.get(CHANGES)).json()["items"] == []
    assert (await house.client.get("/v1/trips/cancellations")).json()["items"] == []


async def test_what_a_whole_feed_no_longer_names_runs_as_planned_unless_it_has_ended(house: House) -> None:
    loan = await shipped(house)
    await send(house, feed(entity("v1-in", delay=900), entity("v1-out", delay=300)))
    assert counts(await send(house, feed(entity("v1-out", delay=300), whole=False))) == "1rea 1unc"
    await house.later(hours=2, minutes=10)  # v1-out has come to its end
    assert counts(await send(house, feed())) == "1rem"
    left = [row["trip_id"] for row in (await house.client.get(CHANGES)).json()["items"]]
    assert left == ["v1-out"]
    assert expected(await house.look(loan)) == "11-23 11:00"


async def test_a_planners_word_stands_above_a_feeds(house: House) -> None:
    await change(house, "v1-in", 60)
    report = await send(house, feed(entity("v1-in", schedule_relationship="CANCELED")))
    assert (counts(report), report["notes"]) == (
        "1rea 1unc",
        ["Of 1 trips a planner has said something, which stands."],
    )
    assert counts(await send(house, feed())) == ""
    assert len((await house.client.get(CHANGES)).json()["items"]) == 1


async def test_a_feed_that_is_wrong_is_overruled_until_that_is_taken_back(house: House) -> None:
    loan = await shipped(house)
    cancellations = "/v1/trips/cancellations"
    wrong = {
        CHANGES: feed(entity("v1-in", delay=1800)),
        cancellations: feed(entity("v1-in", schedule_relationship="CANCELED")),
    }
    for path, data in wrong.items():
        await send(house, data)
        assert len((await house.client.get(path)).json()["items"]) == 1
        assert (await house.client.delete(f"{path}/v1-in/{DAY}")).status_code == 204
        await house.work()
        assert expected(await house.look(loan)) == "11-23 11:00"
        assert counts(await send(house, data)) == "1rea 1unc"
        assert counts(await send(house, feed())) == ""
        now = await said(house)
        assert now["cancellation"] is None
        word = {name: now["change"][name] for name in ("delays", "skipped", "source", "by")}
        assert word == {"delays": [], "skipped": [], "source": "planner", "by": "admin"}
        (run,) = [
            trip for trip in (await house.client.get("/v1/trips/today")).json()["trips"] if trip["trip_id"] == "v1-in"
        ]
        assert run["status"] == "as_planned"
        assert (await house.client.delete(f"{CHANGES}/v1-in/{DAY}")).status_code == 204
        assert counts(await send(house, data)) == "1rea 1cre"
        await send(house, feed())


async def test_who_says_what_a_feed_said_is_followed_by_none(house: House) -> None:
    body = {"trip_id": "v1-in", "service_date": DAY}
    await send(house, feed(entity("v1-in", schedule_relationship="CANCELED")))
    answer = await house.client.post("/v1/trips/cancellations", json={**body, "note": "ice"})
    assert (answer.status_code, answer.json()["source"], answer.json()["note"]) == (201, "planner", "ice")
    await send(house, feed())
    assert (await said(house))["cancellation"]["note"] == "ice"
    assert (await house.client.delete(f"/v1/trips/cancellations/v1-in/{DAY}")).status_code == 204
    assert (await said(house))["change"] is None


async def late(house: House) -> list[str]:
    """The trips that are said to be late, with the day and by how many minutes."""
    return [
        f"{row['trip_id']} {row['service_date'][5:]} {row['delays'][0]['arrival_delay_seconds'] // 60}"
        for row in (await house.client.get(CHANGES)).json()["items"]
    ]


async def test_an_older_feed_of_the_same_sender_changes_nothing(house: House) -> None:
    data = feed(entity("v1-in", delay=1800), at="23 08:00")
    assert counts(await send(house, data)) == "1rea 1cre"
    older = await send(house, feed(entity("v1-in", delay=60), entity("line", delay=60), at="23 07:59"))
    assert (counts(older), older["notes"]) == (
        "2rea 2unc",
        [
            "A newer feed of yours was followed before, of L vans, V1 vans, V2 vans: of their trips this "
            "one, of 2026-11-23T07:59:00+01:00, changed nothing."
        ],
    )
    assert counts(await send(house, feed(at="23 07:58"))) == "", "nor does it take anything back"
    assert await late(house) == ["v1-in 11-23 30"]
    assert counts(await send(house, data)) == "1rea 1unc", "the same again is not older"
    assert counts(await send(house, feed(entity("v1-in", delay=60), at="23 08:01"))) == "1rea 1upd"


async def test_what_one_operator_sends_makes_nothing_old_of_another(house: House) -> None:
    await send(house, feed(entity("v1-in", delay=60), whole=False, at="23 08:00"))
    report = await send(house, feed(entity("v1-in"), entity("line", delay=60), whole=False, at="23 07:59"))
    assert counts(report) == "2rea 1cre 1unc"
    assert await late(house) == ["line 11-23 1", "v1-in 11-23 1"]


@pytest.mark.parametrize("at", ["23 08:05:01", "24 08:00", None])
async def test_a_feed_of_a_moment_to_come_is_not_followed(house: House, at: str | None) -> None:
    message = pb.FeedMessage.FromString(feed(entity("v1-in", delay=60), at=at))
    if at is None:
        message.header.timestamp = 1_795_417_200_000  # in milliseconds
    report = await send(house, message.SerializeToString())
    assert counts(report) == "1rea 1rej"
    assert report["rejects"][0]["field"] == "timestamp"
    assert report["notes"] == ["The feed is of a moment to come, and nothing of it was followed: is its clock right?"]
    assert await late(house) == []
    assert counts(await send(house, feed(entity("v1-in", delay=60), at="23 08:04"))) == "1rea 1cre"


@pytest.mark.parametrize(
    ("now", "day"),
    [
        ("2026-11-24T00:30", "11-23"),  # 22:00 to 25:10
        ("2026-11-24T03:00", "11-23"),
        ("2026-11-24T21:00", "11-24"),
        ("2026-11-24T23:30", "11-24"),
    ],
)
async def test_without_a_start_date_the_run_that_is_under_way_or_nearest_is_meant(
    house: House, now: str, day: str
) -> None:
    house.clock.set(datetime.fromisoformat(f"{now}+01:00"))
    await send(house, feed(entity("line", delay=600, day=None)))
    assert await late(house) == [f"line {day} 10"]


async def test_a_feed_cancels_what_was_late_and_the_other_way_round(house: House) -> None:
    loan = await shipped(house)
    await send(house, feed(entity("v1-in", delay=900)))
    assert counts(await send(house, feed(entity("v1-in", schedule_relationship="CANCELED")))) == "1rea 1upd"
    assert expected(await house.look(loan)) == "11-24 11:00"
    assert (await house.client.get(CHANGES)).json()["items"] == []
    assert counts(await send(house, feed(entity("v1-in", delay=900)))) == "1rea 1upd"
    assert expected(await house.look(loan)) == "11-23 11:15"
    assert counts(await send(house, feed(entity("v1-in", skip="desk")))) == "1rea 1upd"
    assert expected(await house.look(loan)) == "11-24 11:00"


@pytest.mark.parametrize(
    ("content", "content_type", "slug"),
    [
        (b"no feed", "application/x-protobuf", "unreadable-file"),
        (b"", "application/json", "unsupported-media-type"),
        (b"\0" * (8 * 2**20 + 1), "application/x-protobuf", "too-large"),
    ],
)
async def test_what_is_no_feed_is_refused(house: House, content: bytes, content_type: str, slug: str) -> None:
    answer: httpx.Response = await house.client.post(
        "/v1/imports/trip-updates", content=content, headers={"content-type": content_type}
    )
    assert answer.json()["type"] == f"/problems/{slug}"
