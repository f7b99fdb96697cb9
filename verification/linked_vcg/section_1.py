"""Section 1: what the introduction says about costs."""

from collections.abc import Iterator
from typing import Any

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt, symbolic

shared = catalog.beside(__file__)


@claim(
    paper="zhu2021",
    label="Section 1",
    part="the unlinked ratio",
    statement="In contrast, the cost-to-surplus ratio of the unlinked VCG mechanism goes to infinity.",
    reading="""For all N, T, R, I, q, theta, beta and mu: the unlinked ratio is N - (S^1 + ... + S^N) / S, between N
        - 1 and N; so it goes to infinity with the number of agents.""",
    hypotheses=[shared.in_bounds, shared.is_generic],
    rests_on=["linked_vcg.section_4_ord_a"],
    proof="""beta^(T-1) uW^n = S - S^n, agent by agent; sum over the agents. The S^n are nonnegative and at most S
        together.""",
    expected="proved",
)
def unlinked(run: Run) -> Iterator[Evidence]:
    """By SymPy for every N, and Z3; small markets."""
    import z3

    agents, mine, hers = symbolic.positive("N agents_share principal_share")  # of the surplus, in totals
    surplus = mine + hers

    def sides(case: str) -> tuple[Any, Any]:
        return (agents * surplus - mine) / surplus, agents - mine / surplus

    yield symbolic.identity(
        sides,
        cases=["every N"],
        control=("N without the agents' share", lambda case: (sides(case)[0], agents)),
        range="every market: the sum over agents of S - S^n, with S = sum of all S^n",
        complete=True,
        lift=lambda case, value: shared.markets(False)[0],
    )
    share = z3.Real("share")
    number = z3.Real("N")
    yield smt.prove(
        z3.And(number - share >= number - 1, number - share <= number),
        given=[share >= 0, share <= 1, number >= 1],
        control=("at least N", number - share >= number),
        range="the bounds N - 1 and N",
        complete=False,
        nontrivial=[share > 0],
        lift=lambda value: shared.markets(False)[0],
    )

    def ratio(instance: Instance, shift: int = 0) -> bool:
        market = shared.Market.of(instance)
        agents = range(len(market.reports))
        own = sum(market.contribution(n) for n in agents)
        surplus = sum(market.beta**t * sum(market.at(0, t, market.reports[0][t])[0]) for t in range(market.dates))
        cost = market.beta ** (market.dates - 1) * sum(market.unlinked(n) for n in agents)
        return bool(cost == (len(market.reports) + shift) * surplus - own)

    yield exhaustive.check(
        ratio,
        grid=shared.markets(run.full),
        control=("one agent more", lambda instance: ratio(instance, 1)),
        hypotheses=run.hypotheses,
        range="small markets: cost and surplus added up",
    )


@claim(
    paper="zhu2021",
    label="Section 1",
    part="a transfer is at most the largest contribution",
    statement="""An agent's transfer in the linked VCG mechanism is bounded above by his own maximum contribution to
        surplus, rather than equalling the sum of everyone else's contributions to surplus as in the unlinked VCG
        mechanism.""",
    reading="""Both in date-1 value: for all markets and agents, small or not, beta^(T-1) lW^n <= max S^n and
        beta^(T-1) uW^n = S - S^n. (In money at the end the first is false for beta < 1: Lemma 6.)""",
    hypotheses=[shared.in_bounds, shared.is_generic],
    rests_on=["linked_vcg.lemma_6_bound_in_the_same_money", "linked_vcg.section_4_ord_a"],
    proof="Lemma 6's bound, which needs no Property I; the identity is the definition of uW with ord-A.",
    expected="proved",
)
def largest(run: Run) -> Iterator[Evidence]:
    """The identity by Z3 date by date; corner reports of small markets."""
    import z3

    value, own, rest, weight = z3.Reals("value own rest weight")
    yield smt.prove(
        z3.And(weight * rest == weight * value - weight * own),
        given=[value == own + rest, own >= 0, rest >= 0, weight > 0],
        control=("all of it", weight * rest == weight * value),
        range="every market (date by date)",
        complete=True,
        nontrivial=[own > 0, rest > 0],
        lift=lambda value: shared.markets(False)[0],
    )

    def within(instance: Instance, share: int = 1) -> bool:
        market, n = shared.Market.of(instance), instance["agent"] - 1
        scale = market.beta ** (market.dates - 1)
        reports = list(market.concentrated(n))
        most = max(market.contribution(n, report) for report in [*reports, market.reports[n]])
        paid = scale * (market.unlinked(n) - min(market.unlinked(n, report) for report in reports))
        return bool(paid <= share * most)

    yield exhaustive.check(
        within,
        grid=shared.markets(run.full),
        control=("nothing", lambda instance: within(instance, 0)),
        hypotheses=run.hypotheses,
        range="small markets, corner reports",
    )
