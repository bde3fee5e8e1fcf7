"""Decides who supplies a title and by which vans it travels. Pure: no input or output, no clock, no framework."""

from routing.calendar import check_opening_hours, open_days_later, ready_at, service_dates
from routing.costs import charge_for_supply
from routing.decide import UnknownLocation, UnknownMoment, decide
from routing.model import (
    Agency,
    CostPart,
    Decision,
    Holding,
    Leg,
    Location,
    Objective,
    Period,
    Policy,
    Question,
    Reason,
    Refusal,
    Register,
    RotaEntry,
    Route,
    Service,
    Stop,
    StopTimes,
    Tariff,
    Timetable,
    Trip,
    Weights,
)
from routing.network import Network, compile_network
from routing.register import agency_in_force
from routing.resilience import Health, SinglePoint, examine
from routing.transport import Itinerary, itinerary

__all__ = [
    "Agency",
    "CostPart",
    "Decision",
    "Health",
    "Holding",
    "Itinerary",
    "Leg",
    "Location",
    "Network",
    "Objective",
    "Period",
    "Policy",
    "Question",
    "Reason",
    "Refusal",
    "Register",
    "RotaEntry",
    "Route",
    "Service",
    "SinglePoint",
    "Stop",
    "StopTimes",
    "Tariff",
    "Timetable",
    "Trip",
    "UnknownLocation",
    "UnknownMoment",
    "Weights",
    "agency_in_force",
    "charge_for_supply",
    "check_opening_hours",
    "compile_network",
    "decide",
    "examine",
    "itinerary",
    "open_days_later",
    "ready_at",
    "service_dates",
]
