"""A whole day at once: who supplies each of many loan requests, by which vans, so that all together weigh least."""

from routing.assign.check import faults
from routing.assign.options import Offers, Quotas, Wanted, horizon_of, lay_out
from routing.assign.problem import Assignment, Problem, Resource, ResourceKind, gap
from routing.assign.solve import greedy, solve
from routing.assign.why import Difference, WayTaken, differences, told, way_taken

__all__ = [
    "Assignment",
    "Difference",
    "Offers",
    "Problem",
    "Quotas",
    "Resource",
    "ResourceKind",
    "Wanted",
    "WayTaken",
    "differences",
    "faults",
    "gap",
    "greedy",
    "horizon_of",
    "lay_out",
    "solve",
    "told",
    "way_taken",
]
