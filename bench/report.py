"""Writes docs/benchmarks.md from what a run measured."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Sequence
from datetime import date

from bench.engine import SIZES, Figures
from bench.imports import ImportFigures
from bench.load import Load
from bench.over_http import HttpFigures
from bench.rivals import NetworkxPerCandidate, PythonScan

LOOK_UP = "engine, warm: look-up of all arrivals"
DECISION = "engine, warm: whole decision, legs of ten entries"
PROMISED = "engine, warm: the same with promises, in expected order"
AIM = 0.5  # of a bare endpoint's requests a second

_PAGE = """# Benchmarks

Written by `./run bench` on {day}: {cores} cores, Python {python}, {machine}. Compare ratios, not milliseconds:
machines are noisy, and everything below was measured side by side in one run.

## The engine

The Dutch demonstration network: {stops:,} stops, {routes} routes, {connections:,} dated connections in a window of 42
days. The same {requests:,} requests for every contender; every arrival of every contender, of the whole decisions and
of the cold sweeps was compared with the engine's warm look-up and found equal.
Median milliseconds per request, for 1, 10 and 100 candidates:

| | K=1 | K=10 | K=100 |
|---|---:|---:|---:|
{rows}

| at K = 100 | reached | aim |
|---|---:|---:|
| look-up of all arrivals, warm, against networkx per candidate | {networkx:,.0f} × | 10,000 × |
| the same against the pure-Python connection scan | {scan:,.0f} × | 300 × |
| the whole decision against networkx's search alone | {decision:,.0f} × | 100 × |
| the whole decision with promises, in expected order, against the plain one | {promised:.2f} × | at most 3 × |
| a new network version ready (read from the database, compiled, first window expanded) | {built:.3f} s | 0.5 s |

Memory: a window takes {window:.1f} MiB; the kept sweep of one pickup location {sweep:.0f} KiB on average, so all
pickup locations together would take {all_sweeps:.0f} MiB. With promises it is {spread:.0f} KiB more of each, and
{all_kept:.0f} MiB together. `LEENPAD_SWEEP_CACHE_MIB` bounds it; the least recently used go first.

What the rows mean. *Look-up*: the candidates' stops and moments as arrays in, arrivals and handlings as an array
out, from the kept sweep; per request the best of five, since one look-up is near the grain of the clock. *Whole
decision*: `routing.decide`, with screening, costs, opening hours, ranking, reasons and legs. *With promises*: every
supplier answers by the prior, ten entries have a promise, and what is kept for a pickup location is there. *Cold*:
the sweep of a pickup location nobody asked for yet, the same ones for each K. The rivals answer arrivals only: no
handlings, no legs, no reasons.

## Over HTTP

`POST /v1/decisions` (random titles with {holders:.1f} holders on average, random pickup locations) beside a bare
FastAPI endpoint that does one indexed SELECT on the same database; one process each, eight keep-alive connections,
{rounds} rounds in turns.

| | requests/s | p50 ms | p99 ms |
|---|---:|---:|---:|
{http}

Decisions a second over bare requests a second, round by round: {ratios}. Median: **{ratio:.3f}**. The aim, 0.500, is
{met}.

## A very long file

Holdings as CSV, through the same code as `POST /v1/imports/holdings`. Every good row landed, every bad one was
counted, and the first hundred were named by line and field: checked in the run. Memory is what the importing process
and the one that reads for it had at most.

| lines | of them bad | seconds | lines/s | importing, MiB | reading, MiB |
|---:|---:|---:|---:|---:|---:|
| {lines:,} | {rejected:,} | {import_seconds:.0f} | {lines_per_second:,.0f} | {peak:.0f} | {reader_peak:.0f} |
"""


def page(figures: Figures, loaded_seconds: float, http: HttpFigures, imported: ImportFigures, *, today: date) -> str:
    """Return the page."""
    return _PAGE.format(
        day=today.isoformat(),
        cores=os.cpu_count(),
        python=platform.python_version(),
        machine=platform.machine(),
        stops=figures.stops,
        routes=figures.routes,
        connections=figures.connections,
        requests=figures.requests,
        rows="\n".join(
            f"| {row.name} | " + " | ".join(f"{row.ms[k]:.4g}" for k in SIZES) + " |" for row in figures.rows
        ),
        networkx=figures.ms(NetworkxPerCandidate.name, 100) / figures.ms(LOOK_UP, 100),
        scan=figures.ms(PythonScan.name, 100) / figures.ms(LOOK_UP, 100),
        decision=figures.ms(NetworkxPerCandidate.name, 100) / figures.ms(DECISION, 100),
        promised=figures.ms(PROMISED, 100) / figures.ms(DECISION, 100),
        built=loaded_seconds,
        window=figures.window_bytes / 2**20,
        sweep=figures.sweep_bytes_mean / 2**10,
        all_sweeps=figures.sweep_bytes_mean * figures.pickups / 2**20,
        spread=figures.spread_bytes_mean / 2**10,
        all_kept=(figures.sweep_bytes_mean + figures.spread_bytes_mean) * figures.pickups / 2**20,
        holders=http.holders_mean,
        rounds=len(http.decisions),
        http="\n".join(
            _http_row(name, loads) for name, loads in (("decisions", http.decisions), ("bare SELECT", http.bare))
        ),
        ratios=", ".join(f"{ratio:.3f}" for ratio in http.ratios),
        ratio=http.ratio,
        lines=imported.lines,
        rejected=imported.rejected,
        import_seconds=imported.seconds,
        lines_per_second=imported.lines / imported.seconds,
        peak=imported.peak_bytes / 2**20,
        reader_peak=imported.reader_peak_bytes / 2**20,
        met="met" if http.ratio >= AIM else "**not** met",
    )


def _http_row(name: str, loads: Sequence[Load]) -> str:
    rate = statistics.median(load.requests_per_second for load in loads)
    p50 = statistics.median(load.p50_ms for load in loads)
    p99 = statistics.median(load.p99_ms for load in loads)
    return f"| {name} | {rate:,.0f} | {p50:.2f} | {p99:.2f} |"
