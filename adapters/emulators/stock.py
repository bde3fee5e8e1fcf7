"""What an emulated library has: works, copies, holds and loans, and the rules that all systems share."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import count

from adapters.contract import ItemStatus
from adapters.installation import Clock, utc_now

LOAN_DAYS = 21
READER = "a reader"  # who takes home what nobody asked for; no number of a card


class NoSuchThing(LookupError):  # noqa: N818 - says what it is
    """No such work, copy, patron or hold."""


class NotPossible(Exception):  # noqa: N818 - says what it is
    """The library's rules do not allow it; the sentence says why."""


@dataclass(slots=True, kw_only=True)
class Copy:
    """One item. `loanable` False: it never leaves the house."""

    barcode: str
    branch: str  # the name or number by which this system knows the branch
    status: ItemStatus = ItemStatus.AVAILABLE
    due: date | None = None
    patron: str | None = None
    loanable: bool = True


@dataclass(slots=True, kw_only=True)
class Work:
    """A title as this system catalogues it."""

    number: str
    title: str
    author: str = ""
    isbns: tuple[str, ...] = ()
    ppn: str | None = None
    material: str = "book"
    volume: str | None = None
    shelfmark: str = ""
    copies: list[Copy] = field(default_factory=list)
    changed_at: datetime = field(default_factory=utc_now)
    deleted: bool = False


@dataclass(slots=True, kw_only=True)
class Hold:
    """A work, or one copy of it, kept or to be kept for a patron."""

    number: str
    work: str
    patron: str
    pickup: str
    placed_at: datetime
    barcode: str | None = None  # the copy, once one was chosen
    state: str = "active"  # active | shipped | cancelled | declined | returned


class Stock:
    """Everything one emulated system knows. Not safe for threads; every emulator is one event loop."""

    def __init__(self, *, clock: Clock = utc_now) -> None:
        self.clock = clock
        self.works: dict[str, Work] = {}
        self.copies: dict[str, Copy] = {}
        self.holds: dict[str, Hold] = {}
        self.patrons: dict[str, str] = {}  # number → PIN
        self._numbers = count(1)

    def add(self, work: Work) -> Work:
        """Take a work in with its copies, or in place of the one of the same number."""
        for old in self.works[work.number].copies if work.number in self.works else ():
            self.copies.pop(old.barcode, None)
        work.changed_at = self.clock()
        self.works[work.number] = work
        self.copies.update({copy.barcode: copy for copy in work.copies})
        return work

    def remove(self, number: str) -> None:
        """Delete a work; that it was there stays known."""
        work = self.work(number)
        for copy in work.copies:
            self.copies.pop(copy.barcode, None)
        work.copies.clear()
        work.deleted, work.changed_at = True, self.clock()

    def work(self, number: str) -> Work:
        """Return a work, deleted or not. Raises NoSuchThing."""
        try:
            return self.works[number]
        except KeyError:
            raise NoSuchThing(f"work {number}") from None

    def copy(self, barcode: str) -> Copy:
        """Return a copy. Raises NoSuchThing."""
        try:
            return self.copies[barcode]
        except KeyError:
            raise NoSuchThing(f"copy {barcode}") from None

    def work_of(self, barcode: str) -> Work:
        """Return the work that a copy is of. Raises NoSuchThing."""
        copy = self.copy(barcode)
        return next(work for work in self.works.values() if copy in work.copies)

    def find(self, *, isbn: str | None = None, ppn: str | None = None) -> Iterator[Work]:
        """Go through the works with exactly this ISBN or PPN."""
        for work in self.works.values():
            if not work.deleted and ((isbn and isbn in work.isbns) or (ppn and ppn == work.ppn)):
                yield work

    def queue(self, number: str) -> list[Hold]:
        """Return the holds of a work that still wait, in order."""
        return [hold for hold in self.holds.values() if hold.work == number and hold.state == "active"]

    def hold(self, number: str) -> Hold:
        """Return a hold. Raises NoSuchThing."""
        try:
            return self.holds[number]
        except KeyError:
            raise NoSuchThing(f"hold {number}") from None

    def holds_of(self, patron: str) -> list[Hold]:
        """Return what still waits for a patron."""
        return [hold for hold in self.holds.values() if hold.patron == patron and hold.state == "active"]

    def place_hold(
        self, work: str, *, patron: str, pickup: str, branch: str | None = None, barcode: str | None = None
    ) -> Hold:
        """Keep a copy (of one branch, or one barcode) for a patron. Raises NoSuchThing or NotPossible."""
        if patron not in self.patrons:
            raise NoSuchThing(f"patron {patron}")
        wanted = self.work(work)
        free = [
            copy
            for copy in wanted.copies
            if copy.loanable
            and copy.status is ItemStatus.AVAILABLE
            and branch in (None, copy.branch)
            and barcode in (None, copy.barcode)
        ]
        if not free:
            raise NotPossible("No copy of it can be lent.")
        copy = free[0]
        copy.status = ItemStatus.HELD
        hold = Hold(
            number=str(next(self._numbers)),
            work=work,
            patron=patron,
            pickup=pickup,
            placed_at=self.clock(),
            barcode=copy.barcode,
        )
        self.holds[hold.number] = hold
        return hold

    def cancel_hold(self, number: str) -> bool:
        """Let a hold go; False once the item has left. Raises NoSuchThing."""
        hold = self.hold(number)
        if hold.state in ("shipped", "returned"):
            return False
        self._end(hold, "cancelled")
        return True

    def decline_hold(self, number: str) -> None:
        """Say no to a hold: the copy was not on its shelf. Raises NoSuchThing."""
        hold = self.hold(number)
        self._end(hold, "declined", copy_becomes=ItemStatus.MISSING)

    def check_out(self, barcode: str, *, patron: str) -> Copy:
        """Lend a copy, and ship the hold that waits for it. Raises NoSuchThing or NotPossible."""
        if patron not in self.patrons:
            raise NoSuchThing(f"patron {patron}")
        copy = self.copy(barcode)
        if copy.status is ItemStatus.ON_LOAN:
            if copy.patron == patron:
                return copy
            raise NotPossible("It is lent to somebody else.")
        if not copy.loanable:
            raise NotPossible("It does not leave the house.")
        copy.status, copy.patron = ItemStatus.ON_LOAN, patron
        copy.due = (self.clock() + timedelta(days=LOAN_DAYS)).date()
        for hold in self.holds_of(patron):
            if hold.barcode == barcode:
                hold.state = "shipped"
        return copy

    def lend(self, barcode: str) -> Copy:
        """Have some reader of the library take a copy home. Raises NoSuchThing or NotPossible."""
        copy = self.copy(barcode)
        if not copy.loanable or copy.status is not ItemStatus.AVAILABLE:
            raise NotPossible("It is not on its shelf to be lent.")
        copy.status, copy.patron = ItemStatus.ON_LOAN, READER
        copy.due = (self.clock() + timedelta(days=LOAN_DAYS)).date()
        return copy

    def check_in(self, barcode: str) -> Copy:
        """Take a copy back. Raises NoSuchThing."""
        copy = self.copy(barcode)
        copy.status, copy.patron, copy.due = ItemStatus.AVAILABLE, None, None
        for hold in self.holds.values():
            if hold.barcode == barcode and hold.state == "shipped":
                hold.state = "returned"
        return copy

    def live(self) -> list[Hold]:
        """Return the holds that bind a copy."""
        return [hold for hold in self.holds.values() if hold.state in ("active", "shipped")]

    def _end(self, hold: Hold, state: str, *, copy_becomes: ItemStatus = ItemStatus.AVAILABLE) -> None:
        if hold.state == "active" and hold.barcode in self.copies:
            self.copies[hold.barcode].status = copy_becomes
        hold.state = state
