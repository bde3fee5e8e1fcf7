"""The life of a loan request as one table: what each event does to both parties and to the item.

Three rules:

1. A state has three parts: what the supplying side has said, where the requesting side stands, and where the item is.
2. A row of EVENTS says for each part from which state the event may come, and to which it leads. A part without
   entries does not care and stays what it is. An event is allowed when every part that cares has an entry.
3. An event that is not allowed changes nothing: `advance` raises NotAllowed, which names what is.

Statuses, actions and reasons are ISO 18626's (2021); `status_of` and `outcome_of` read them off the state.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple


class Supplying(StrEnum):
    """What the supplying side has said: whoever of the rota has it now, or the network as a whole."""

    NOBODY = "nobody"  # nobody is asked at this moment
    ASKING = "asking"  # the question is on its way to a system; whether it arrived may be unknown
    ASKED = "asked"
    EXPECTING = "expecting"
    PROMISED = "promised"
    SHIPPED = "shipped"
    OVERDUE = "overdue"
    RECALLED = "recalled"
    COMPLETED = "completed"
    UNFILLED = "unfilled"
    CANCELLED = "cancelled"
    LOST = "lost"
    LOST_ON_THE_WAY = "lost_on_the_way"  # before the reader had it


class Requesting(StrEnum):
    """Where the requesting side stands."""

    WAITING = "waiting"
    ON_HOLD = "on_hold"  # by staff: nobody new is asked
    CANCELLING = "cancelling"  # asked for; whether the supplying side still could is not known
    OVERRIDING = "overriding"  # staff want somebody else; whether whoever has it lets go is not known
    RECEIVED = "received"
    RETURNED = "returned"
    CLOSED = "closed"


class Item(StrEnum):
    """Where the item is, as far as the vans are concerned."""

    IN_HAND = "in_hand"  # of the supplying side
    ON_TRIP = "on_trip"
    AT_HUB = "at_hub"
    AT_PICKUP = "at_pickup"
    ON_THE_WAY_BACK = "on_the_way_back"
    FORWARDED = "forwarded"  # to the next requester
    FLOATED = "floated"  # stays where it was brought back
    HOME = "home"
    LOST = "lost"


class State(NamedTuple):
    """All three parts of a loan request's state."""

    supplying: Supplying = Supplying.NOBODY
    requesting: Requesting = Requesting.WAITING
    item: Item = Item.IN_HAND


START = State()


class Event(StrEnum):
    """What can happen. ISO 18626 words where it has one."""

    # the requesting side, and staff
    SUBMITTED = "Submitted"
    RECEIVED = "Received"
    RENEW = "Renew"
    SHIPPED_RETURN = "ShippedReturn"
    SHIPPED_FORWARD = "ShippedForward"
    FLOATED = "Floated"  # it stays where it is, and whoever has it there supplies it from now on
    CANCEL = "Cancel"  # nothing needs to be asked of a system: cancelled at once
    CANCEL_ASKED = "CancelAsked"  # a system has it, and must be told first
    WITHDRAWN = "Withdrawn"  # CancelResponse, yes
    CANCEL_REFUSED = "CancelRefused"  # CancelResponse, no
    LOST = "Lost"
    LOST_ON_THE_WAY = "LostOnTheWay"
    OVERRIDE = "Override"  # whoever has it is let go: people, or a system that has said that it lets go
    OVERRIDE_ASKED = "OverrideAsked"  # a system has it, and must let go first
    OVERRIDE_REFUSED = "OverrideRefused"  # it does not: the item is on its way
    CHOICE_REFUSED = "ChoiceRefused"  # whom staff chose cannot be asked
    HOLD = "Hold"
    RESUME = "Resume"
    NOTIFICATION = "Notification"  # either side says something that changes nothing
    # placing
    PLACING = "Placing"
    PLACED = "Placed"
    PLACEMENT_REFUSED = "PlacementRefused"
    OUTCOME_UNKNOWN = "OutcomeUnknown"
    LAPSED = "Lapsed"
    END_OF_ROTA = "EndOfRota"
    # two at once: the state speaks of one, and these are about the one beside it
    ASKED_BESIDE = "AskedBeside"
    PLACED_BESIDE = "PlacedBeside"
    UNKNOWN_BESIDE = "UnknownBeside"
    DECLINED_BESIDE = "DeclinedBeside"  # refused, lapsed, or said no
    LET_GO_BESIDE = "LetGoBeside"  # it is not needed any more
    TOOK_OVER = "TookOver"  # whoever was asked beside has it from now on
    # the supplying side
    EXPECT_TO_SUPPLY = "ExpectToSupply"
    WILL_SUPPLY = "WillSupply"
    UNFILLED = "Unfilled"
    RETRY_POSSIBLE = "RetryPossible"
    LOANED = "Loaned"
    OVERDUE = "Overdue"
    RECALL = "Recall"
    LOAN_COMPLETED = "LoanCompleted"
    LET_GO = "LetGo"  # of whoever was asked: an item comes from elsewhere, or another said yes first
    FORWARDED_TO_US = "ForwardedToUs"  # an item that came back elsewhere is sent straight on to this requester
    # the vans
    SCANNED_ON_THE_WAY = "ScannedOnTheWay"
    SCANNED_AT_PICKUP = "ScannedAtPickup"
    SCANNED_ON_THE_WAY_BACK = "ScannedOnTheWayBack"
    REPLANNED = "Replanned"
    LATE = "Late"  # it should be there by now, and nobody has seen it come
    DUE_DATE_MOVED = "DueDateMoved"  # the network, or whoever supplies, stands still for a while


class Row(NamedTuple):
    """What one event does to each part: {from: to}; empty: the part does not care and stays."""

    supplying: Mapping[Supplying, Supplying] = {}
    requesting: Mapping[Requesting, Requesting] = {}
    item: Mapping[Item, Item] = {}


class NotAllowed(Exception):  # noqa: N818 - named as the problem it becomes
    """The event cannot happen in this state; `allowed` names those that can."""

    def __init__(self, event: Event, state: State) -> None:
        self.event = event
        self.state = state
        self.allowed = allowed_in(state)
        super().__init__(f"{event} is not possible now: the loan request is {status_of(state)}.")


def _stay(*states: Supplying) -> dict[Supplying, Supplying]:
    return {state: state for state in states}


S, R, I = Supplying, Requesting, Item  # noqa: E741 - the table is read as columns

_OPEN = {
    R.WAITING: R.WAITING,
    R.ON_HOLD: R.ON_HOLD,
    R.CANCELLING: R.CANCELLING,
    R.OVERRIDING: R.OVERRIDING,
}
_PATIENT = {R.WAITING: R.WAITING, R.ON_HOLD: R.ON_HOLD}
_FREE = {**_OPEN, R.OVERRIDING: R.WAITING}  # nobody has it any more: whom staff chose can be asked
_OUT = _stay(S.SHIPPED, S.OVERDUE, S.RECALLED)
_UNDER_WAY = {I.ON_TRIP: I.ON_TRIP, I.AT_HUB: I.AT_HUB, I.ON_THE_WAY_BACK: I.ON_THE_WAY_BACK}
_TO_PICKUP = {I.ON_TRIP: I.AT_PICKUP, I.AT_HUB: I.AT_PICKUP, I.AT_PICKUP: I.AT_PICKUP}

EVENTS: Mapping[Event, Row] = {
    Event.SUBMITTED: Row({S.NOBODY: S.NOBODY}, {R.WAITING: R.WAITING}),
    # --- placing: from one supplier to the next -------------------------------------------------
    Event.PLACING: Row({S.NOBODY: S.ASKING}, {R.WAITING: R.WAITING}),
    Event.PLACED: Row({S.ASKING: S.ASKED}, _OPEN),
    Event.PLACEMENT_REFUSED: Row({S.ASKING: S.NOBODY}, _FREE),
    Event.OUTCOME_UNKNOWN: Row({S.ASKING: S.ASKING}, _OPEN),
    Event.LAPSED: Row({S.ASKED: S.NOBODY, S.EXPECTING: S.NOBODY}, _FREE),
    Event.END_OF_ROTA: Row({S.NOBODY: S.UNFILLED}, {R.WAITING: R.CLOSED}),
    # --- two at once ----------------------------------------------------------------------------
    Event.ASKED_BESIDE: Row(_stay(S.ASKED), {R.WAITING: R.WAITING}),
    Event.PLACED_BESIDE: Row(_stay(S.ASKED), _PATIENT),
    Event.UNKNOWN_BESIDE: Row({}, _OPEN),
    Event.DECLINED_BESIDE: Row(_stay(S.NOBODY, S.ASKED), _PATIENT),
    Event.LET_GO_BESIDE: Row(_stay(S.NOBODY, S.ASKED), _OPEN),
    Event.TOOK_OVER: Row({S.NOBODY: S.ASKED}, _PATIENT),
    # --- the supplying side answers -------------------------------------------------------------
    Event.EXPECT_TO_SUPPLY: Row({S.ASKED: S.EXPECTING}, _OPEN),
    Event.WILL_SUPPLY: Row({S.ASKED: S.PROMISED, S.EXPECTING: S.PROMISED}, _OPEN),
    Event.UNFILLED: Row({S.ASKED: S.NOBODY, S.EXPECTING: S.NOBODY, S.PROMISED: S.NOBODY}, _FREE),
    Event.RETRY_POSSIBLE: Row({S.ASKED: S.NOBODY, S.EXPECTING: S.NOBODY}, _FREE),
    Event.LOANED: Row(
        {S.ASKED: S.SHIPPED, S.EXPECTING: S.SHIPPED, S.PROMISED: S.SHIPPED},
        dict.fromkeys(_OPEN, R.WAITING),
        {I.IN_HAND: I.ON_TRIP},
    ),
    Event.LET_GO: Row({S.ASKED: S.NOBODY, S.EXPECTING: S.NOBODY}, _PATIENT),
    Event.FORWARDED_TO_US: Row({S.NOBODY: S.SHIPPED}, {R.WAITING: R.WAITING}, {I.IN_HAND: I.ON_TRIP}),
    # --- there ----------------------------------------------------------------------------------
    Event.SCANNED_ON_THE_WAY: Row(_OUT, {R.WAITING: R.WAITING}, {I.ON_TRIP: I.AT_HUB, I.AT_HUB: I.AT_HUB}),
    Event.SCANNED_AT_PICKUP: Row(_OUT, {R.WAITING: R.WAITING}, _TO_PICKUP),
    Event.REPLANNED: Row(_OUT, {}, _UNDER_WAY),
    Event.LATE: Row(_OUT, {}, _UNDER_WAY),
    Event.RECEIVED: Row(_OUT, {R.WAITING: R.RECEIVED}, _TO_PICKUP),
    # --- in the reader's hands --------------------------------------------------------------------
    Event.RENEW: Row({S.SHIPPED: S.SHIPPED, S.OVERDUE: S.SHIPPED}, {R.RECEIVED: R.RECEIVED}),
    Event.OVERDUE: Row({S.SHIPPED: S.OVERDUE}, {R.RECEIVED: R.RECEIVED}),
    Event.DUE_DATE_MOVED: Row({S.SHIPPED: S.SHIPPED}, {R.RECEIVED: R.RECEIVED}),
    Event.RECALL: Row({S.SHIPPED: S.RECALLED, S.OVERDUE: S.RECALLED}, {R.RECEIVED: R.RECEIVED}),
    # --- and back ---------------------------------------------------------------------------------
    Event.SHIPPED_RETURN: Row(_OUT, {R.RECEIVED: R.RETURNED}, {I.AT_PICKUP: I.ON_THE_WAY_BACK}),
    Event.SCANNED_ON_THE_WAY_BACK: Row(_OUT, {R.RETURNED: R.RETURNED}, {I.ON_THE_WAY_BACK: I.ON_THE_WAY_BACK}),
    # What its owner has recalled goes home.
    Event.SHIPPED_FORWARD: Row(
        dict.fromkeys((S.SHIPPED, S.OVERDUE), S.COMPLETED), {R.RECEIVED: R.CLOSED}, {I.AT_PICKUP: I.FORWARDED}
    ),
    Event.FLOATED: Row(
        dict.fromkeys((S.SHIPPED, S.OVERDUE), S.COMPLETED), {R.RECEIVED: R.CLOSED}, {I.AT_PICKUP: I.FLOATED}
    ),
    Event.LOAN_COMPLETED: Row(
        dict.fromkeys(_OUT, S.COMPLETED),
        {R.RETURNED: R.CLOSED, R.RECEIVED: R.CLOSED},  # nobody told us that it was sent back, and there it is
        {I.ON_THE_WAY_BACK: I.HOME, I.AT_PICKUP: I.HOME},
    ),
    # --- ends that nobody wished for ----------------------------------------------------------------
    Event.CANCEL: Row(
        dict.fromkeys((S.NOBODY, S.ASKED, S.EXPECTING, S.PROMISED), S.CANCELLED),
        {R.WAITING: R.CLOSED, R.ON_HOLD: R.CLOSED},
    ),
    Event.CANCEL_ASKED: Row(
        _stay(S.ASKING, S.ASKED, S.EXPECTING, S.PROMISED),
        dict.fromkeys((R.WAITING, R.ON_HOLD, R.OVERRIDING), R.CANCELLING),
    ),
    Event.WITHDRAWN: Row(
        dict.fromkeys((S.NOBODY, S.ASKED, S.EXPECTING, S.PROMISED), S.CANCELLED), {R.CANCELLING: R.CLOSED}
    ),
    Event.CANCEL_REFUSED: Row(_stay(S.ASKED, S.EXPECTING, S.PROMISED), {R.CANCELLING: R.WAITING}),
    Event.LOST: Row(
        dict.fromkeys(_OUT, S.LOST),
        {R.RECEIVED: R.CLOSED, R.RETURNED: R.CLOSED},
        {I.AT_PICKUP: I.LOST, I.ON_THE_WAY_BACK: I.LOST},
    ),
    Event.LOST_ON_THE_WAY: Row(
        dict.fromkeys(_OUT, S.LOST_ON_THE_WAY),
        {R.WAITING: R.CLOSED},
        {I.ON_TRIP: I.LOST, I.AT_HUB: I.LOST, I.AT_PICKUP: I.LOST},
    ),
    # --- staff ----------------------------------------------------------------------------------------
    Event.OVERRIDE: Row(
        dict.fromkeys((S.NOBODY, S.ASKED, S.EXPECTING, S.PROMISED), S.NOBODY),
        dict.fromkeys((R.WAITING, R.ON_HOLD, R.OVERRIDING), R.WAITING),
    ),
    Event.OVERRIDE_ASKED: Row(
        _stay(S.ASKING, S.ASKED, S.EXPECTING, S.PROMISED),
        dict.fromkeys((R.WAITING, R.ON_HOLD, R.OVERRIDING), R.OVERRIDING),
    ),
    Event.OVERRIDE_REFUSED: Row(_stay(S.ASKED, S.EXPECTING, S.PROMISED), {R.OVERRIDING: R.WAITING}),
    Event.CHOICE_REFUSED: Row({S.NOBODY: S.NOBODY}, {R.WAITING: R.WAITING}),
    Event.HOLD: Row(_stay(S.NOBODY, S.ASKED, S.EXPECTING), {R.WAITING: R.ON_HOLD}),
    Event.RESUME: Row(_stay(S.NOBODY, S.ASKED, S.EXPECTING, S.PROMISED), {R.ON_HOLD: R.WAITING}),
    Event.NOTIFICATION: Row({}, {state: state for state in R if state is not R.CLOSED}),
}


def advance(state: State, event: Event) -> State:
    """Return the state after `event`. Raises NotAllowed, and then nothing has changed."""
    row = EVENTS[event]
    if not _fits(row, state):
        raise NotAllowed(event, state)
    return State(
        row.supplying.get(state.supplying, state.supplying),
        row.requesting.get(state.requesting, state.requesting),
        row.item.get(state.item, state.item),
    )


def allowed_in(state: State) -> tuple[Event, ...]:
    """Return every event that can happen in a state, in the table's order."""
    return tuple(event for event, row in EVENTS.items() if _fits(row, state))


def _fits(row: Row, state: State) -> bool:
    parts = zip(row, state, strict=True)
    return all(not entries or part in entries for entries, part in parts)  # type: ignore[operator]


# --- what the state is called outside -------------------------------------------------------------

STATUSES: Mapping[Supplying, str] = {
    S.NOBODY: "RequestReceived",
    S.ASKING: "RequestReceived",
    S.ASKED: "RequestReceived",
    S.EXPECTING: "ExpectToSupply",
    S.PROMISED: "WillSupply",
    S.SHIPPED: "Loaned",
    S.OVERDUE: "Overdue",
    S.RECALLED: "Recalled",
    S.COMPLETED: "LoanCompleted",
    S.UNFILLED: "Unfilled",
    S.CANCELLED: "Cancelled",
    S.LOST: "CompletedWithoutReturn",
    S.LOST_ON_THE_WAY: "CompletedWithoutReturn",
}
"""ISO 18626 statuses, as the requesting side hears them."""

OUTCOMES: Mapping[Supplying, str] = {
    S.COMPLETED: "filled",
    S.LOST: "filled",  # the reader had it
    S.UNFILLED: "unfilled",
    S.LOST_ON_THE_WAY: "unfilled",
    S.CANCELLED: "cancelled",
}


def status_of(state: State) -> str:
    """Return the ISO 18626 status of a state."""
    return STATUSES[state.supplying]


def outcome_of(state: State) -> str | None:
    """Return how it ended: filled, unfilled or cancelled; None while it has not."""
    return OUTCOMES.get(state.supplying)


LIVE = frozenset({S.ASKING, S.ASKED, S.EXPECTING, S.PROMISED, S.SHIPPED, S.OVERDUE, S.RECALLED})
"""States of the supplying side in which somebody has the request."""

REASONS_UNFILLED = (
    "InUse",
    "Lacking",
    "LacksCopyright",
    "LocationsNotFound",
    "MaxCostExceeded",
    "NonCirculating",
    "NotOnShelf",
    "OnOrder",
    "OnReserve",
    "PolicyProblem",
    "PoorCondition",
    "UseOnly",
    "VolumeIssueNotYetAvailable",
    "Other",
)
"""Reasons of `Unfilled`: the standard's open code list (ReasonUnfilled), and Other."""
