"""Footnote 7: interim individual rationality of the VCG mechanism at the worst-off type."""

import itertools
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt

market = catalog.beside(__file__, "_market")


def expectations(instance: Instance, agent: int, place: Fraction) -> tuple[Fraction, Fraction]:
    """q_i and E W(theta_i, .) at the type low + place, from the others' integrals alone."""
    spot = market.Spot.of(instance)
    area = market.at(market.integral(market.interim(spot, agent)), place)
    others = Fraction(0)  # E W at the lowest type: what the others use, layer by layer, and the agent the rest
    for above, beneath in market.splits([j for j in spot.agents if j != agent]):
        used = min(Fraction(1), sum((spot.demand[j] for j in above), Fraction(0)))
        others += used * market.at(market.integral(spot.chance(above, beneath)), Fraction(1))
    return market.at(market.interim(spot, agent), place), spot.low + others + area


def payment(instance: Instance, agent: int, place: Fraction) -> Fraction:
    """t_i: q theta - E W(theta, .) + E W(hat, .) - min(r, k) hat, where hat is exact."""
    spot = market.Spot.of(instance)
    amount = min(Fraction(instance["holding"][agent]), spot.demand[agent])
    hat = spot.worst(agent, amount)[0]
    q, welfare = expectations(instance, agent, place)
    return q * (spot.low + place) - welfare + expectations(instance, agent, hat)[1] - amount * (spot.low + hat)


def rational(instance: Instance) -> bool:
    """All worst-off types are rational numbers."""
    spot = market.Spot.of(instance)
    return all(len(set(spot.worst(i, r))) == 1 for i, r in enumerate(instance["holding"]))


def binding(instance: Instance, exactly: bool = False) -> bool:
    """At hat, q is min(r, k) and the payment 0; with exactly, what is true instead."""
    spot = market.Spot.of(instance)
    for agent, r in enumerate(instance["holding"]):
        amount = min(Fraction(r), spot.demand[agent])
        hat = spot.worst(agent, amount)[0]
        q, t = market.at(market.interim(spot, agent), hat), payment(instance, agent, hat)
        if exactly:
            least = market.at(market.interim(spot, agent), Fraction(0))
            net = q * (spot.low + hat) - t - amount * (spot.low + hat)
            if q != max(amount, least) or t != (q - amount) * (spot.low + hat) or net != 0:
                return False
        elif q != amount or t != 0:
            return False
    return True


def least_share(demand: Sequence[Any], agent: int) -> Fraction:
    """What the agent gets when all others are above him."""
    return max(Fraction(0), 1 - sum(map(Fraction, demand)) + Fraction(demand[agent]))


def replay(instance: Instance) -> str | None:
    """By hand: an agent who gets more than he holds even with the lowest type."""
    demand, holding, low = instance["demand"], instance["holding"], Fraction(instance["low"])
    for agent, held in enumerate(holding):
        share = least_share(demand, agent)
        if share > held:
            return (
                f"agent {agent + 1} holds {held}; with the lowest type, {low}, he is served last and still gets "
                f"1 - {sum(demand) - demand[agent]} = {share}\n"
                f"so his worst-off type is {low}, q = {share} is not min(r, k) = {held}, and individual rationality "
                f"binds at t = ({share} - {held}) {low} = {(share - held) * low}"
            )
    return None


@claim(
    paper="liu2020",
    label="Footnote 7",
    part="the worst-off type gets its holding",
    statement="Because q_i(hat theta_i) = min{r_i, k_i}, we have t_{r,i}(hat theta_i) = 0.",
    reading="For every market with low >= 0 and all holdings: q_i at hat theta_i is min(r_i, k_i), and t_i is 0 there.",
    hypotheses=[market.scarce, market.laws, market.holdings, rational],
    replay=replay,
    document=market.document,
    expected="refuted",
    repaired_by="forward_market.footnote_7_corrected",
)
def as_printed(run: Run) -> Evidence:
    """The exact market."""
    return exhaustive.check(
        binding,
        grid=market.markets(),
        control=("only where low is 0", lambda i: i["low"] > 0 or binding(i)),
        hypotheses=run.hypotheses,
        range=market.VALUES,
    )


@claim(
    paper="liu2020",
    label="Footnote 7",
    part="corrected",
    statement="""At the worst-off type q_i is max{min(r_i, k_i), q_i(low)}, the VCG payment is (q_i - min(r_i, k_i))
        hat, and the payoff equals the outside option: individual rationality binds.""",
    reading="For every market with low >= 0 and all holdings; t_i with the sign of T_i, q theta - E W(theta, .) + ...",
    hypotheses=[market.scarce, market.laws, market.holdings],
    proof="""q_i is continuous and Lemma 1 takes the least type, so q is the holding or hat is the lowest type. In
        t_i(hat) the two expectations of welfare cancel.""",
    rests_on=["forward_market.lemma_1"],
    expected="proved",
)
def corrected(run: Run) -> Iterator[Evidence]:
    """The two cases of Lemma 1 by Z3; the exact market where the worst-off types are rational."""
    import z3

    hat, low, q, q_low, held, welfare = z3.Reals("hat low q q_low held welfare")
    payment_at = q * hat - welfare + welfare - held * hat
    yield smt.prove(
        z3.And(
            q == smt.maximum(held, q_low),
            payment_at == (q - held) * hat,
            q * hat - payment_at == held * hat,
        ),
        given=[
            z3.And(low >= 0, hat >= low, q >= held, held >= 0, q >= q_low),
            z3.Or(q == held, z3.And(hat == low, q == q_low)),
        ],
        control=("the payment is 0", payment_at == 0),
        range="every number of agents, all distributions and demands: one agent at his worst-off type",
        complete=True,
        lift=market.example(),
    )
    yield exhaustive.check(
        lambda i: binding(i, True),
        grid=[i for i in market.markets() if rational(i)],
        control=("it is the holding", binding),
        hypotheses=run.hypotheses,
        range=f"{market.VALUES}; where worst-off types are rational",
    )


def sign_replay(instance: Instance) -> str | None:
    """Two agents who each want everything, types uniform on [low, low + 1]: integrals by hand."""
    if list(instance["demand"]) != [1, 1] or list(instance["power"]) != [1, 1]:
        return None
    low, held, place = (Fraction(x) for x in (instance["low"], instance["holding"][0], instance["place"]))
    hat, theta = low + held, low + place  # q(u) = u
    welfare = {u: low + Fraction(1, 2) + u * u / 2 for u in (place, held)}  # E max(u, U) = 1/2 + u^2 / 2
    true = place * theta - welfare[place] + welfare[held] - held * hat
    printed = welfare[place] - place * theta + held * hat - welfare[held]
    if true == printed:
        return None
    return (
        f"type {theta} with holding {held}: hat = {hat}, q = {place}, E W = {welfare[place]}, at hat {welfare[held]}\n"
        f"T_i of the text gives {true} on average, the footnote {printed}"
    )


def within(instance: Instance) -> bool:
    """The type is in the support."""
    return bool(0 <= instance["place"] <= 1)


@claim(
    paper="liu2020",
    label="Footnote 7",
    part="the displayed payment",
    statement="t_{r,i} = E[T_{r,i}] = E W(theta_i, .) - q_i theta_i + min{r_i, k_i} hat - E W(hat, .)",
    reading="""For all markets, holdings and types: the expectation of the T_i in the text above it is the right side
        displayed in the footnote.""",
    hypotheses=[market.scarce, market.laws, market.holdings, rational, within],
    replay=sign_replay,
    document=market.document,
    expected="refuted",
    repaired_by="forward_market.footnote_7_the_payment_with_its_sign",
)
def displayed(run: Run) -> Evidence:
    """Both sides for two agents with uniform types."""
    return exhaustive.check(
        lambda i: payment(i, 0, i["place"]) == -payment(i, 0, i["place"]),
        grid=[{**one, "place": u} for one, u in itertools.product(UNIFORM, (Fraction(0), Fraction(1, 2), Fraction(1)))],
        control=("they are never both 0", lambda i: payment(i, 0, i["place"]) != 0),
        hypotheses=run.hypotheses,
        range="two agents, demands 1, uniform types, low in {0, 1}, holdings in quarters, three types",
    )


UNIFORM = [
    {"demand": [1, 1], "power": [1, 1], "low": low, "holding": r} for low in (0, 1) for r in market.simplex(2, 4)
]


@claim(
    paper="liu2020",
    label="Footnote 7",
    part="the payment with its sign",
    statement="t_{r,i} = q_i theta_i - E W(theta_i, .) + E W(hat, .) - min{r_i, k_i} hat: minus what is displayed.",
    reading="""For all markets: by payoff equivalence U(theta) - U(hat) is the integral of q_i, which by the envelope is
        E W(theta, .) - E W(hat, .), and U(hat) = min(r_i, k_i) hat.""",
    hypotheses=[market.scarce, market.laws, market.holdings],
    proof="Solve U = q theta - t for t. On the grid the integral of q_i is compared with E W from the layers.",
    expected="proved",
)
def signed(run: Run) -> Iterator[Evidence]:
    """The solution by Z3; and that the envelope of E W is the integral of q_i, against the whole E W."""
    import z3

    q, theta, t, rise, hat, held, welfare, welfare_hat = z3.Reals("q theta t rise hat held welfare welfare_hat")
    right = q * theta - welfare + welfare_hat - held * hat
    yield smt.prove(
        t == right,
        given=[q * theta - t == held * hat + rise, rise == welfare - welfare_hat],
        control=("as displayed", t == -right),
        range="every number of agents, all distributions and demands: one type of one agent",
        complete=True,
        lift=market.example(),
    )

    def mean(instance: Instance, agent_share: int = 1) -> bool:
        spot = market.Spot.of(instance)
        for agent in spot.agents:
            rise = agent_share * spot.rent(agent)  # E of the integral of q_i up to theta_i
            if spot.welfare() != expectations(instance, agent, Fraction(0))[1] + rise:
                return False
        return True

    yield exhaustive.check(
        mean,
        grid=market.markets(),
        control=("with twice the rent", lambda i: mean(i, 2)),
        hypotheses=run.hypotheses,
        range=f"E W = E W(low, .) + the rent of each agent: {market.VALUES}",
    )
