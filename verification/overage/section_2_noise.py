"""Section 2, the rationale for continuity at X = I: what small noise does on the boundary."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt, symbolic

shared = catalog.beside(__file__, "_boundary")


def noisy(instance: Instance) -> bool:
    """Positive overages and alpha, noise of a size between 0 and X."""
    return min(instance["overage"]) > 0 and 0 < instance["noise"] < sum(instance["overage"]) and instance["alpha"] > 0


def situation(instance: Instance) -> bool:
    """Own overage, the others' overage and slack are nonnegative."""
    return all(instance[name] >= 0 for name in ("own", "others", "slack"))


def costly(instance: Instance) -> bool:
    """M > L > 0, and a claim costs something."""
    return 0 < instance["entitlement"] < instance["bound"] and instance["cost"] > 0


def bias(instance: Instance) -> list[Any]:
    """Expected coverage less overage where the slack is X + noise or X - noise, each with probability 1/2."""
    overage, total, alpha = instance["overage"], sum(instance["overage"]), instance["alpha"]
    sides = [shared.coverage(overage, total + sign * instance["noise"], alpha) for sign in (1, -1)]
    return [Fraction(a + b) / 2 - v for a, b, v in zip(*sides, overage, strict=True)]


@claim(
    paper="lengyel2025",
    label="Section 2",
    part="continuity at X = I",
    statement="Boundary continuity eliminates settlement cliffs; the linear rule removes the jump at X = I.",
    reading="""For every n and alpha = 1: an agent's coverage, as a function of its overage, the others' total
        overage and the slack, has the same limit v_j at X = I from X < I and from X > I; a change of any one of
        the three by d changes it by at most d, so the payoffs are continuous at every profile.""",
    hypotheses=[situation],
    proof="""Coverage is v min(1, I / X). Its partial derivatives are at most 1 in size: 1 or I V / X^2 in v, 0 or
        -I v / X^2 in V, 0 or v / X in I.""",
    expected="proved",
)
def continuity(run: Run) -> Iterator[Evidence]:
    """Limits from both sides by SymPy, the Lipschitz bound in each argument by Z3, the engine around X = I."""
    import sympy
    import z3

    v, over, e = symbolic.positive("own others shortage")

    def limits(side: str) -> tuple[Any, Any]:
        value = v if side == "X < I" else (v + over - e) * v / (v + over)
        return sympy.limit(value, e, 0, "+"), v

    yield symbolic.identity(
        limits,
        cases=["X < I", "X > I"],
        control=("shares of the squares", lambda side: ((v + over) * v**2 / (v**2 + over**2), v)),
        range="every number of agents, from X < I and from X > I",
        complete=False,
        lift=lambda case, value: {"own": value["own"], "others": Fraction(3), "slack": value["own"] + 3},
    )
    own, others, slack, d = z3.Reals("own others slack change")

    def covered(own: Any, others: Any, slack: Any) -> Any:
        return z3.If(own + others <= slack, own, slack * own / (own + others))

    here = covered(own, others, slack)
    moves = [covered(own + d, others, slack), covered(own, others + d, slack), covered(own, others, slack + d)]
    yield smt.prove(
        z3.And(*(z3.And(there - here <= d, here - there <= d) for there in moves)),
        given=[own >= 0, others >= 0, slack >= 0, d >= 0],
        control=("half the change at most", moves[0] - here <= d / 2),
        range="every number of agents (own overage, the others' overage and slack)",
        complete=True,
        nontrivial=[own > 0, others > 0, own + others == slack, d > 0],
    )

    def gentle(instance: Instance) -> bool:
        point = [instance[name] for name in ("own", "others", "slack")]
        here = shared.coverage(point[:2], point[2], 1)[0]
        moved = [[x + (i == j) * Fraction(1, 100) for i, x in enumerate(point)] for j in range(3)]
        return all(abs(shared.coverage(p[:2], p[2], 1)[0] - here) <= Fraction(1, 100) for p in moved)

    yield exhaustive.check(
        gentle,
        grid=exhaustive.Grid(scalars={name: exhaustive.steps(0, 3) for name in ("own", "others", "slack")}),
        control=(
            "overage is always covered",
            lambda p: shared.coverage([p["own"], p["others"]], p["slack"], 1)[0] == p["own"],
        ),
        hypotheses=run.hypotheses,
    )


@claim(
    paper="lengyel2025",
    label="Section 2",
    part="coverage bias",
    statement="With small symmetric noise near X = I, any alpha != 1 creates a boundary jump that yields a finite "
    "expected coverage bias even for small noise, whereas the linear rule removes the jump so the bias vanishes.",
    reading="""At a profile with X = I, let the slack be X + s or X - s with probability 1/2 each. As s -> 0 the
        expected coverage of agent j less v_j tends to (X w_j / W - v_j) / 2, with w = v^alpha. For alpha = 1
        this is 0, and the bias is -s v_j / (2 X). For alpha != 1 it is not 0 wherever two overages differ. (Any
        symmetric noise without an atom at 0 has the same limit: conditionally on its size it is such a pair.)""",
    hypotheses=[noisy],
    proof="Half the time the coverage is v_j, half the time it is the share (X - s) w_j / W.",
    rests_on=["overage.theorem_8"],
    expected="proved",
)
def coverage_bias(run: Run) -> Iterator[Evidence]:
    """The limit by SymPy for any weights, when it vanishes by Z3, the engine under exact noise."""
    import sympy
    import z3

    v, over, mine, theirs, s = symbolic.positive("v V w W s")

    def mean(case: str) -> Any:
        share = (v + over - s) * (mine / (mine + theirs) if case == "any weights" else v / (v + over))
        return (v + share) / 2 - v

    def sides(case: str) -> tuple[Any, Any]:
        if case == "any weights":
            return sympy.limit(mean(case), s, 0, "+"), ((v + over) * mine / (mine + theirs) - v) / 2
        return mean(case), -s * v / (2 * (v + over))

    yield symbolic.identity(
        sides,
        cases=["any weights", "alpha = 1"],
        control=("no bias at all", lambda case: (sides(case)[0], sympy.Integer(0))),
        range="every number of agents (one against the rest): the limit, and the bias for alpha = 1",
        complete=False,
        given=lambda case: [s < v + over],
        lift=lambda case, value: {
            "overage": [value.get("v", Fraction(1)), value.get("V", Fraction(2))],
            "alpha": 1,
            "noise": Fraction(1, 10),
        },
    )
    own, others, weight, rest, size = z3.Reals("own others weight weight_of_others noise")
    limit = ((own + others) * weight / (weight + rest) - own) / 2
    linear = ((own + others - size) * own / (own + others) - own) / 2
    yield smt.prove(
        z3.And((limit == 0) == (weight * others == rest * own), linear == -size * own / (2 * (own + others))),
        given=[own > 0, others > 0, weight > 0, rest > 0, size > 0, size < own + others],
        control=("never a bias", limit == 0),
        range="every number of agents and every alpha > 0 (one agent against the rest, any weights)",
        complete=True,
        lift=lambda value: {"overage": [value["own"], value["others"]], "alpha": 1, "noise": value["noise"]},
    )

    def finite(instance: Instance) -> bool:
        overage, total = instance["overage"], sum(instance["overage"])
        found = bias(instance)
        if instance["alpha"] == 1:
            return found == [-instance["noise"] * v / (2 * Fraction(total)) for v in overage]
        return any(abs(b) > 10 * instance["noise"] for b in found) == (len(set(overage)) > 1)

    yield exhaustive.check(
        finite,
        grid=exhaustive.Grid(
            agents=(1, 2, 3),
            each={"overage": [1, 2, 4]},
            scalars={"alpha": [1, 2, 3], "noise": [Fraction(1, 1000), Fraction(1, 10**6)]},
        ),
        control=("the bias always vanishes", lambda instance: max(map(abs, bias(instance))) <= instance["noise"]),
        hypotheses=run.hypotheses,
    )


@claim(
    paper="lengyel2025",
    label="Section 2",
    part="costless claims",
    statement="""If utility were U_j = pi_j - eps C_j with eps > 0, maximal claiming C_j = M would not be weakly
        dominant.""",
    reading="""For every eps > 0, every n and M > L_j > 0, alpha = 1: where the others have no slack, the claim L_j
        gives strictly more utility than M.""",
    hypotheses=[costly],
    proof="Both pay L_j, and the larger claim costs eps (M - L_j) more.",
    expected="proved",
)
def costless(run: Run) -> Iterator[Evidence]:
    """One agent against others without slack; the engine's payoffs."""
    import z3

    held, bound, cost, others = z3.Reals("entitlement bound cost others")
    own = bound - held
    top = z3.If(own + others <= 0, bound, held + 0 * own / (own + others)) - cost * bound
    yield smt.prove(
        held - cost * held > top,
        given=[held > 0, held < bound, cost > 0, others >= 0],
        control=("by more than 1", held - cost * held > top + 1),
        range="every number of agents (the others' overage, no slack)",
        complete=True,
        nontrivial=[others > 0, cost < 1],
        lift=lambda value: {name: value[name] for name in ("entitlement", "bound", "cost")},
    )

    def worse(instance: Instance, cost: Any) -> bool:
        from mechopt.mechanisms.overage.incentives import own_payoff

        held = [instance["entitlement"], 1, 2]
        low, top = (own_payoff(held, [0, 3, 2], 0, own) - cost * own for own in (held[0], instance["bound"]))
        return bool(low > top)

    yield exhaustive.check(
        lambda instance: worse(instance, instance["cost"]),
        grid=exhaustive.Grid(
            scalars={"entitlement": [1, 2], "bound": [2, 3, 5], "cost": [Fraction(1, 10), Fraction(1, 2), 2]}
        ),
        control=("also where claims are free", lambda instance: worse(instance, 0)),
        hypotheses=run.hypotheses,
    )
