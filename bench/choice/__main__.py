"""`python -m bench.choice [--seeds N] [--thin N] [--days N]`: the proof alone, or a smaller one to look at."""

from __future__ import annotations

import argparse
import sys

from bench.choice.chance import COUNTED_DAYS, WARM_UP_DAYS
from bench.choice.measure import SEEDS, measure
from bench.choice.page import write
from bench.choice.year import Extent


def main() -> None:
    """Live through the years, and write the page and its plots; a smaller proof is only printed."""
    parser = argparse.ArgumentParser(prog="python -m bench.choice", description=__doc__)
    parser.add_argument("--seeds", type=int, default=len(SEEDS))
    parser.add_argument("--thin", type=int, default=Extent().thin, help="one of so many titles of the demonstration")
    parser.add_argument("--days", type=int, default=COUNTED_DAYS, help="so many days count")
    parser.add_argument("--warm-up", type=int, default=WARM_UP_DAYS, help="after so many that do not")
    asked = parser.parse_args()
    extent = Extent(asked.thin, asked.warm_up, asked.days)
    years = measure(extent, range(1, asked.seeds + 1), lambda text: print(f"· {text}", file=sys.stderr, flush=True))
    whole = extent == Extent() and asked.seeds >= len(SEEDS)
    print(write(years, keep=whole))


if __name__ == "__main__":
    main()
