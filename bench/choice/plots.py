"""Draws the plots of the page as SVG, in a few lines of our own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import NamedTuple

WIDTH, HEIGHT = 760, 420
LEFT, RIGHT, TOP, BOTTOM = 60, 250, 20, 50
COLOURS = (
    "#b42318", "#b54708", "#7a5c00", "#4d7c0f", "#047857", "#0e7490",
    "#1d4ed8", "#6d28d9", "#a21caf", "#64748b", "#334155", "#000000", "#0d9488", "#c2410c",
)  # fmt: skip

Points = Sequence[tuple[float, float]]


class Axis(NamedTuple):
    """What is laid out along an axis: its name, where it begins and ends, and its ticks."""

    name: str
    low: float
    high: float
    ticks: Sequence[float]


def lines(x: Axis, y: Axis, curves: Mapping[str, Points], *, title: str, level: float | None = None) -> str:
    """Draw curves with a legend, and a dashed line at a level."""
    parts = [_level(x, y, level)] if level is not None else []
    for at, (name, points) in enumerate(curves.items()):
        drawn = " ".join(f"{_x(x, px):.1f},{_y(y, py):.1f}" for px, py in points)
        parts.append(f'<polyline points="{drawn}" fill="none" stroke="{_colour(at)}" stroke-width="2"/>')
        parts.append(_legend(at, name))
    return _page(x, y, parts, title)


def dots(x: Axis, y: Axis, groups: Mapping[str, Points], *, title: str, level: float | None = None) -> str:
    """Draw dots with a legend, and a dashed line at a level."""
    parts = [_level(x, y, level)] if level is not None else []
    for at, (name, points) in enumerate(groups.items()):
        parts += [
            f'<circle cx="{_x(x, px):.1f}" cy="{_y(y, py):.1f}" r="5" fill="{_colour(at)}" fill-opacity="0.8"/>'
            for px, py in points
        ]
        parts.append(_legend(at, name))
    return _page(x, y, parts, title)


def _colour(at: int) -> str:
    return COLOURS[at % len(COLOURS)]


def _x(axis: Axis, value: float) -> float:
    inside = (min(max(value, axis.low), axis.high) - axis.low) / (axis.high - axis.low)
    return LEFT + inside * (WIDTH - LEFT - RIGHT)


def _y(axis: Axis, value: float) -> float:
    inside = (min(max(value, axis.low), axis.high) - axis.low) / (axis.high - axis.low)
    return HEIGHT - BOTTOM - inside * (HEIGHT - TOP - BOTTOM)


def _level(x: Axis, y: Axis, level: float) -> str:
    at = _y(y, level)
    return f'<path d="M{_x(x, x.low)} {at:.1f}H{_x(x, x.high)}" stroke="#000" stroke-dasharray="5 4"/>'


def _legend(at: int, name: str) -> str:
    top = TOP + 14 + 20 * at
    box = f'<rect x="{WIDTH - RIGHT + 12}" y="{top - 9}" width="12" height="12" fill="{_colour(at)}"/>'
    return f'{box}<text x="{WIDTH - RIGHT + 30}" y="{top + 1}">{escape(name)}</text>'


def _page(x: Axis, y: Axis, parts: Sequence[str], title: str) -> str:
    floor, wall = HEIGHT - BOTTOM, LEFT
    grid = [
        f'<path d="M{_x(x, tick):.1f} {floor}v5" stroke="#000"/>'
        f'<text x="{_x(x, tick):.1f}" y="{floor + 18}" text-anchor="middle">{tick:g}</text>'
        for tick in x.ticks
    ] + [
        f'<path d="M{wall} {_y(y, tick):.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>'
        f'<text x="{wall - 8}" y="{_y(y, tick) + 4:.1f}" text-anchor="end">{tick:g}</text>'
        for tick in y.ticks
    ]
    names = (
        f'<text x="{(wall + WIDTH - RIGHT) / 2}" y="{HEIGHT - 10}" text-anchor="middle">{escape(x.name)}</text>'
        f'<text transform="translate(16 {(TOP + floor) / 2}) rotate(-90)" text-anchor="middle">'
        f"{escape(y.name)}</text>"
    )
    frame = f'<path d="M{wall} {TOP}V{floor}H{WIDTH - RIGHT}" fill="none" stroke="#000"/>'
    body = "\n".join([*grid, frame, names, *parts])
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'font-family="sans-serif" font-size="12"><title>{escape(title)}</title>'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>\n{body}\n</svg>\n'
    )
