"""The words of docs/choice.md around its figures."""

# ruff: noqa: E501 -- lines of the page, as long as those of every page
from __future__ import annotations

TEXT = """# The best choice, and what it is worth

Written by `./run bench choice`. A year of loan requests is **simulated**: demand, answers and missed vans are drawn by
seed, for no real history is public. Each of {seeds} seeds is a year of its own, and every way to choose lives through the
same {seeds} years: what a supplier answers to a loan request and whether a dated trip is missed is a hash of the seed and
of what it is about, so it is the same whoever chooses. Figures are means over the seeds with 95% confidence
intervals (Student's t); differences are taken seed by seed.

## What was aimed at

| | way | aim | reached | met |
|---|---|---|---:|---|
{acceptance}

That the order of the rota is the best of all orders is shown by `tests/routing/test_order.py`, against every order of 100 drawn
cases of up to seven suppliers, and with `LEENPAD_TEST_THOROUGH=1` of 1,000. How near the day's assignment comes to the
optimum is in [benchmarks.md](benchmarks.md).

## What each way comes to

Per filled loan request; *median* and *p90* are over all loan requests, where one that is never filled waits for ever. Days
count from the request until the reader can collect.

| | median | p90 | mean | filled | handlings | transport, euro | tariff, euro | Gini of net balance |
|---|---:|---:|---:|---:|---:|---:|---:|---:|
{ways}

**Transport cost** is the tariff's 4.00 euro for an item that leaves its POI's area, and {handling:.2f} euro for each handling (change
of vans), as a policy's weights have it. The *tariff* column is what the requesting library pays in all: 6.75 euro to the
supplier beyond the province, and those 4.00. The **Gini of net balance** is half the mean difference between the net balances
(supplied to less received from other organisations) of any two organisations, over the mean number of loan requests that an organisation
had filled; the divisor is the same for all ways, so who crosses fewer borders is not made to look worse.

![Turnaround under each way](choice-turnaround.svg)

![Turnaround beside transport cost](choice-cost.svg)

| | noes | silences | let go | van rides | kilometres | crates over | fullest trip | Gini of supplied per copy |
|---|---:|---:|---:|---:|---:|---:|---:|---:|
{more}

*Noes* and *silences* come before a loan request is filled. *Let go* are suppliers that were asked for nothing, because another handed
the item over first: some of them had it off the shelf already. *Kilometres* are those of the crow. *Crates over*: crates beyond
what a trip takes, in the year; *fullest trip*: which part of its crates the fullest one fills. Both are of an average day of each trip and of items
on their way to a reader, 20 to a crate: a sample of one in {scale} says little of a single day.

Against the fixed list, seed by seed:

| | median | p90 | mean | handlings | transport | tariff | Gini of net balance |
|---|---:|---:|---:|---:|---:|---:|---:|
{against}

## How far from the best possible

The clairvoyant knows every answer and every missed van beforehand. Nobody can, so its distance has two parts: what chance makes of any
choice, and what is not known of the chances. *Leenpad, told the chances* is Leenpad with the true chances in the place of what it has learned.

| mean turnaround, filled | |
|---|---:|
| Leenpad, fastest, above the clairvoyant | {gap} |
| told the chances, above the clairvoyant: what chance costs whoever does not know the answers | {gap_told} |
| Leenpad, fastest, above told the chances: what learning leaves | {gap_learning} |
| {today}, above the clairvoyant | {gap_today} |

Being told before asking who will say no saves the clairvoyant every no ({noes} for each loan request that Leenpad fills, and still {noes_told} for one that
knows all chances), and of every supplier it knows on which day the book will be pulled. An aim of 5% above the
clairvoyant lies well below what the same order comes to with the true chances, as long as one is asked after the other. *Two at once* takes a good
part of the distance away, by asking the first two of the rota side by side: {gap_two} above the clairvoyant on average. For each loan request that
is filled {let_go} suppliers are then let go, which is work for nothing at a library. The service asks two at once where the policy of whoever
asks says so ([policies.md](policies.md)), and one after the other where it does not.

The same limits the median against the fixed list: who is told the chances comes to {told_median}, two at once to {two_median}, the clairvoyant to {sees_median}. Most loan
requests are filled by whoever is asked first, under every way. What choosing saves most is the long waits: Leenpad, fastest, has {fast_mean} of the mean and {fast_p90} of p90.

Against today's order the gain has a price: with no weight for fairness, Leenpad, balanced, has a Gini of net balance of {gini_balanced}, and *{today}* has {gini_today}.

## What fairness costs

Leenpad, balanced, with more and more weight for what an agency has lent more than it borrowed ([policies.md](policies.md)). Balances are
those of the simulated year so far; a loan request counts for the {scale} that it stands for. *Nobody gave back* is the part of the items between agencies
that was not set off by others in the other direction: 0 where everyone borrowed as much as it lent.

| cents per net loan | median | p90 | mean | transport, euro | tariff, euro | nobody gave back | Gini of net balance |
|---|---:|---:|---:|---:|---:|---:|---:|
{fairness}

![What fairness costs](choice-fairness.svg)

## Whether promises are kept

Made when the reader asks, as p50 and p90 of the moment the reader can collect; put to the test by what then happened, noes, silences,
missed vans and copies that were gone meanwhile included. Each loan request puts one of the four objectives first, by lot
(*Leenpad, mixed objectives*).

| | promises | p50 kept | p90 kept | median p90, days |
|---|---:|---:|---:|---:|
{kept}

Items come with vans, so many cases share one moment, and hardly ever is there one by which just half of the cases have happened, or nine of ten. As
p50 a promise names the first by which half have, as p90 the one nearest to nine of ten. Of {said.promises} promises, made in five weeks of a smaller run and not among those above, the likelihoods that they were made of were added
up: by themselves they say that {said.by_p90:.1%} are kept as p90, and {said.by_p50:.1%} as p50. That is what to hold the shares above against.
*Two at once* need fewer vans until one of both has supplied, so still more cases share the last: {said_two.promises} such promises say of themselves that {said_two.by_p90:.1%} are kept as p90.

![Promises kept](choice-promises.svg)

The curves are tenths of the promises, by how far away the promised moment is. The dashed line is at nine of ten.

## What is simulated

- **Scale.** {a_year:,} loan requests a year, 1 : {scale}: {requests:,} in {counted} days, after {warm_up} days that are lived through and do not
  count. The demonstration holds about a fortieth of the country's copies; here are one in {thin} of its titles ({titles:,} titles, {rows:,}
  holdings, {copies:,} copies at {locations:,} locations), so a copy is asked for about as often as in the country.
- **Demand** by inhabitants of a place, popularity of a title (Zipf), season, weekday, hour and public holidays. Nobody asks for a title
  that their own counter holds.
- **Answers.** Of each location, around its system and that around what was measured in a US consortium (76% supplied): chances to
  supply, to say no and to stay silent, and how much open time it takes. {silent:.0%} of the locations leave a quarter to two thirds unanswered, {slow:.0%} are
  slow, {changing:.0%} change their ways within the year. No way to choose is told any of this. A silent placement lapses after eight open days.
- **Copies.** A copy is promised once. Lent, it is away until it is back: the way there, {kept_low} to {kept_high} days, and the way back as long as in an ordinary
  week. All ways see the same: which copies are out by this network. That a reader took one home meanwhile is among the noes.
- **What is learned from.** A loan request stands for {scale}, and those who learn hear the answers of {heard} of them: the simulated one, and
  {echoes} of others who ask the same location at the same moment and are not lived through. That is a {thinner}th of what a year of the country tells.
- **Vans** of the demonstration's timetable, public holidays out. Each route has a rate of missed trips of its own ({missed:.0%} on average); whatever
  was to ride one waits for the next.
- Whoever finds nobody tries again every day for {patience} days. Opening hours, the tariff and the register are the demonstration's.

### The ways

1. *fixed alphabetical list*: organisations by name, locations within them.
2. *random holder*.
3. *{today}*: the order in use, and there a lot.
4. *nearest by distance*, as OpenRS DCB orders suppliers.
5. *{matrix}*, as in Koha's transport cost matrix: 1 within the organisation, 2 within the province, beyond it 3 and one more for every 50 km,
   2 less within one POI's area; ties by lot.
6. *cost, priority, loan/borrow ratio*, as CrossLink: the tariff, then the three circles, then who has lent least for what it borrowed.
7. *Leenpad* per loan request: `decide` with the response model that `routing.learning` learns every week from what was answered
   before, the rota in expected order, by the objective *fastest* or *balanced* (the policy's weights: 0.10 euro for an
   hour, {handling:.2f} for a handling, beside the tariff; once more with 0.40 for an hour). It begins the warm-up knowing
   nothing. Its choice has no weight for fairness, but where its name says so. *Two at once* asks the first two of the rota side by side, and when one
   says no, the next beside the other; whoever hands the item over first supplies, and the other hears at once that it need not.
8. *The day assigned*: as 7, balanced; every day before anyone opens, what was asked while everybody it was placed with was closed is assigned at
   once by `routing.assign` among the first {looked_at} on each rota, within copies and room in the vans, and moved where that is better. That were
   {assigned_share:.0%} of all loan requests, of which {moved_share:.1%} moved. An assignment weighs planned itineraries and knows nothing of chances.
9. *The clairvoyant* takes the copy that can be collected soonest, one loan request after the other; what it takes from later ones it does not
   weigh, so it is the best for each, not proven the best for all.

*Leenpad, mixed objectives* is there for the promises alone.

It took {cpu_minutes:.0f} minutes of the processors, a year of one seed after the other or side by side.
"""
