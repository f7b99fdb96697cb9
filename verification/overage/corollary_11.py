"""Corollary 11: what the collar does, and does not do, to waiting for the clearing."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt

shared = catalog.beside(__file__, "_penalty")

HALF = Fraction(1, 2)


def collar(instance: Instance) -> bool:
    """kappa >= p_bar in each of equally likely states, E[Lambda] >= lambda > 0, p_bar lambda >= p >= 0; V, I >= 0."""
    columns = [instance[name] for name in ("others", "slack", "penalty")]
    mean = sum(factor(instance["need"] + v, i) for v, i in zip(*columns[:2], strict=True)) / len(columns[0])
    return (
        min(min(column) for column in columns) >= 0
        and min(instance["penalty"]) >= instance["price_bound"]
        and mean >= instance["least_scarcity"] > 0
        and instance["price_bound"] * instance["least_scarcity"] >= instance["price"] >= 0
        and 0 <= instance["waiting"] <= instance["need"]
    )


def waits_for_everything(instance: Instance) -> bool:
    """All of the need is left to the clearing."""
    return bool(instance["waiting"] == instance["need"])


def repaired_collar(instance: Instance) -> bool:
    """The mean of kappa times the scarcity without the agent is at least p >= 0; waiting within the need."""
    columns = [instance[name] for name in ("others", "slack", "penalty")]
    first = sum(k * (factor(v, i) if v or i else 1) for v, i, k in zip(*columns, strict=True)) / len(columns[0])
    return (
        min(min(column) for column in columns) >= 0
        and first >= instance["price"] >= 0
        and 0 <= instance["waiting"] <= instance["need"]
    )


def factor(overage: Any, slack: Any) -> Fraction:
    """Lambda, written out here."""
    return Fraction(overage - slack) / overage if overage > slack else Fraction(0)


def replay(instance: Instance) -> str | None:
    """All bought against some of it left to the clearing, by hand; equally likely states."""
    need, waiting, price = (Fraction(instance[name]) for name in ("need", "waiting", "price"))
    lines, penalty = [f"all bought: {need} * {price} = {need * price}"], Fraction(0)
    for over, under, kappa in zip(instance["others"], instance["slack"], instance["penalty"], strict=True):
        total = waiting + Fraction(over)
        left = waiting - min(Fraction(under) / total, Fraction(1)) * waiting if total else Fraction(0)
        penalty += kappa * left / len(instance["others"])
        lines.append(f"{waiting} waiting, others {over}, slack {under}: {left} uncovered at {kappa} each")
    cost = (need - waiting) * price + penalty
    lines.append(f"{need - waiting} bought and {waiting} waiting: {(need - waiting) * price} + {penalty} = {cost}")
    return "\n".join(lines) if cost < need * price else None


def world(instance: Instance) -> list[Any]:
    """The states as the engine's scenarios, equally likely."""
    from mechopt.mechanisms.overage.penalty import Scenario

    columns = [instance[name] for name in ("others", "slack", "penalty")]
    odds = Fraction(1, len(columns[0]))
    return [Scenario(probability=odds, others=v, slack=i, penalty=k) for v, i, k in zip(*columns, strict=True)]


def saved(instance: Instance) -> Any:
    """By the engine: the cost of buying all less that of leaving `waiting` units to the clearing."""
    from mechopt.mechanisms.overage.penalty import cost_of_waiting

    states, need, price = world(instance), instance["need"], instance["price"]
    return cost_of_waiting(need, 0, price, states) - cost_of_waiting(need, instance["waiting"], price, states)


def grid(run: Run, waiting: list[Any]) -> exhaustive.Grid:
    """One and two states."""
    return exhaustive.Grid(
        agents=(1, 2) if run.full else (1,),
        each={"others": [0, 1, 2], "slack": [0, 1, 2], "penalty": [1, 2]},
        scalars={
            "price_bound": [1, 2],
            "least_scarcity": [HALF, Fraction(1, 4)],
            "price": [HALF, Fraction(1, 4)],
            "need": [2],
            "waiting": waiting,
        },
    )


def scarcity(overage: Any, slack: Any) -> Any:
    """Lambda as a Z3 term."""
    import z3

    return z3.If(overage <= slack, 0, 1 - slack / overage)


@claim(
    paper="lengyel2025",
    label="Corollary 11",
    part="expected penalty",
    statement="If the authority sets kappa_t >= p_bar_t and publishes E[Lambda_t | F_tau] >= lambda > 0, then "
    "E[kappa_t Lambda_t | F_tau] >= p_bar_t lambda.",
    reading="""For every joint distribution of kappa >= p_bar >= 0 and Lambda in [0, 1] with E[Lambda] >= lambda >
        0, p_bar known when expectations are taken.""",
    hypotheses=[collar],
    proof="kappa Lambda >= p_bar Lambda in every state, as Lambda >= 0; take expectations.",
    expected="proved",
)
def expected_penalty(run: Run) -> Iterator[Evidence]:
    """Pointwise, with the mean; the engine on a grid."""
    import z3

    kappa, bound, share, mean, least, product = z3.Reals("penalty price_bound scarcity mean least product")
    yield smt.prove(
        z3.And(kappa * share >= bound * share, z3.Implies(product >= bound * mean, product >= bound * least)),
        given=[kappa >= bound, bound >= 0, share >= 0, share <= 1, mean >= least, least > 0],
        control=("at least p_bar", kappa * share >= bound),
        range="every distribution (in each state kappa Lambda >= p_bar Lambda; product = E[kappa Lambda])",
        complete=True,
        nontrivial=[share > 0, share < 1, kappa > bound],
        lift=lambda value: {
            "others": [1],
            "slack": [1],
            "penalty": [2],
            "price_bound": 1,
            "least_scarcity": HALF,
            "price": HALF,
            "need": 1,
            "waiting": 1,
        },
    )

    def engine(instance: Instance, factor: Any = 1) -> bool:
        from mechopt.mechanisms.overage.penalty import expected, total_scarcity

        states = world(instance)
        factors = [total_scarcity(instance["need"] + s.others, s.slack) for s in states]
        costs = [s.penalty * f for s, f in zip(states, factors, strict=True)]
        return bool(expected(costs, states) >= factor * instance["price_bound"] * instance["least_scarcity"])

    yield exhaustive.check(
        engine,
        grid=grid(run, [0, 1]),
        control=("five times as much", lambda instance: engine(instance, 5)),
        hypotheses=run.hypotheses,
    )


@claim(
    paper="lengyel2025",
    label="Corollary 11",
    part="forward purchase",
    statement="""If p_bar_t lambda >= p_tau, forward purchase is weakly cheaper in expectation than waiting.
        (Title: "Collar calibration kills wait-and-emit arbitrage".)""",
    reading="""For every agent with a need of v units, every distribution of the state with kappa >= p_bar,
        E[Lambda] >= lambda > 0 (Lambda with the agent's v in it) and p_bar lambda >= p, and every w <= v: buying v
        forward costs at most as much as buying v - w and leaving w to the clearing.""",
    hypotheses=[collar],
    replay=replay,
    expected="refuted",
    repaired_by="overage.corollary_11_forward_purchase_repaired",
)
def purchase(run: Run) -> Evidence:
    """The engine's costs on a grid, where its own check of the printed conditions passes."""

    def cheaper(instance: Instance) -> bool:
        from mechopt.mechanisms.overage.penalty import collar_as_printed

        promise = instance["price"], instance["price_bound"], instance["least_scarcity"]
        printed = collar_as_printed(*promise, instance["need"], world(instance))
        return printed.holds and bool(saved(instance) <= 0)

    return exhaustive.check(
        cheaper,
        grid=grid(run, [0, 1, 2]),
        control=("it saves something", lambda instance: saved(instance) < 0),
        hypotheses=run.hypotheses,
    )


@claim(
    paper="lengyel2025",
    label="Corollary 11",
    part="all or nothing, and one unit more",
    statement="""Under the printed conditions, forward purchase is weakly cheaper than waiting with the whole
        overage, and so is one unit more on top of it; strictly if p_bar lambda > p.""",
    reading="""For every agent with overage v > 0 and every distribution of the state as in the corollary:
        E[kappa r(v)] >= p v, and E[kappa (r(v + h) - r(v))] >= p h for every h > 0.""",
    hypotheses=[collar, waits_for_everything],
    proof="kappa r(v) = kappa Lambda v, with mean at least p_bar lambda v >= p v. For h units more see Proposition 9.",
    rests_on=["overage.corollary_11_expected_penalty", "overage.beyond_the_paper_whole_units_of_waiting"],
    expected="proved",
)
def all_or_nothing(run: Run) -> Iterator[Evidence]:
    """Pointwise for every n; two explicit scenarios; the engine on a grid."""
    import z3

    own, others, slack, kappa, bound, more = z3.Reals("own others slack penalty price_bound more")
    rise = shared.residual(own + more, others, slack) - shared.residual(own, others, slack)
    share = scarcity(own + others, slack)
    yield smt.prove(
        z3.And(
            kappa * shared.residual(own, others, slack) >= bound * share * own, kappa * rise >= bound * share * more
        ),
        given=[own > 0, others >= 0, slack >= 0, kappa >= bound, bound >= 0, more > 0],
        control=("a part of it too", kappa * shared.residual(own / 2, others, slack) >= bound * share * own / 2),
        range="every number of agents and every distribution (in each state; means follow)",
        complete=True,
        nontrivial=[others > 0, slack > 0, own + others > slack],
        lift=lambda value: {
            "others": [value["others"]],
            "slack": [value["slack"]],
            "penalty": [value["penalty"]],
            "price_bound": value["price_bound"],
            "least_scarcity": factor(value["own"] + value["others"], value["slack"]),
            "price": 0,
            "need": value["own"],
            "waiting": value["own"],
        },
    )
    yield exhaustive.check(
        lambda instance: saved(instance) <= 0,
        grid=grid(run, [2]),
        control=("it saves more than 1/4", lambda instance: saved(instance) < -Fraction(1, 4)),
        hypotheses=run.hypotheses,
    )


@claim(
    paper="lengyel2025",
    label="Corollary 11",
    part="forward purchase, repaired",
    statement="""If E[kappa Lambda_out] >= p, with Lambda_out the scarcity without the agent, buying everything
        forward is weakly cheapest among all ways to split the need; and the condition is necessary.""",
    reading="""For every n, every distribution of (V, I, kappa) with E[kappa (V - I)_+ / V] >= p >= 0 (1 in place
        of the ratio at V = I = 0), every need v and 0 <= w <= v: buying v costs at most as much as buying v - w
        and leaving w. If the condition fails, leaving a small w is cheaper.""",
    hypotheses=[repaired_collar],
    proof="""r is convex in w with r(0) = 0 and slope Lambda_out at 0, so r(w) >= Lambda_out w, and r(w) / w tends to
        Lambda_out. Take expectations.""",
    expected="proved",
)
def repaired(run: Run) -> Iterator[Evidence]:
    """In each state by Z3, with the limit; the engine's condition against the engine's costs."""
    import z3

    waiting, others, slack, d = z3.Reals("waiting others slack close")
    out = z3.If(z3.And(others == 0, slack == 0), 1, scarcity(others, slack))
    left = shared.residual(waiting, others, slack)
    given = [waiting > 0, others >= 0, slack >= 0, d > 0]
    yield smt.prove(
        z3.And(
            left >= out * waiting,
            z3.Implies(z3.And(others > 0, waiting <= d * others), left <= (out + d) * waiting),  # the limit
            z3.Implies(z3.And(others == 0, waiting <= slack), left == 0),
        ),
        given=given,
        control=("with the agent in it", left >= scarcity(others + 2 * waiting, slack) * waiting),
        range="every number of agents and every distribution (in each state; means follow)",
        complete=True,
        nontrivial=[others > slack, slack > 0],
        lift=lambda value: {
            "others": [value["others"]],
            "slack": [value["slack"]],
            "penalty": [1],
            "price": 0,
            "need": value["waiting"],
            "waiting": value["waiting"],
        },
    )

    def engine(instance: Instance) -> bool:
        from mechopt.mechanisms.overage.penalty import collar_condition

        return collar_condition(instance["price"], world(instance)).holds and bool(saved(instance) <= 0)

    yield exhaustive.check(
        engine,
        grid=exhaustive.Grid(
            agents=(1, 2),
            each={"others": [0, 1, 2], "slack": [0, 1, 2], "penalty": [1, 2]},
            scalars={"price": [HALF, 1], "need": [2], "waiting": [HALF, 2]},
        ),
        control=("waiting is dearer", lambda instance: saved(instance) < 0),
        hypotheses=run.hypotheses,
    )
