"""What people report: when it may have happened, and that to say it twice is to say it once."""

from __future__ import annotations

import pytest

from tests.support.house import House


@pytest.mark.parametrize(
    ("at", "detail"),
    [
        ("2026-11-24T08:00:01+01:00", "This is more than a day ahead."),
        ("2226-11-23T08:00:00+01:00", "This is more than a day ahead."),
        ("2026-11-23T07:58:59+01:00", "This is before the loan request was submitted."),
        ("1926-11-23T08:00:00+01:00", "This is before the loan request was submitted."),
    ],
)
async def test_what_cannot_have_happened_then_is_refused(house: House, at: str, detail: str) -> None:
    loan = await house.asked()
    before = await house.look(loan)
    answer = await house.act(loan, "Loaned", at=at)
    assert (answer.status_code, answer.json()["errors"]) == (422, [{"pointer": "/at", "detail": detail}])
    assert await house.look(loan) == before


@pytest.mark.parametrize(
    ("at", "kept"),
    [
        ("2026-11-24T08:00:00+01:00", "2026-11-24T07:00:00Z"),
        ("2026-11-23T07:59:30+01:00", "2026-11-23T07:00:00Z"),  # a clock that is slow
    ],
)
async def test_what_is_reported_ahead_or_by_a_slow_clock_is_taken(house: House, at: str, kept: str) -> None:
    loan = await house.asked()
    assert (await house.acted(loan, "Loaned", at=at))["shipped_at"] == kept
