"""Beyond the paper: for exponents below 1 the largest claim is never weakly dominant, whatever the bound."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt, symbolic


def three_agents(instance: Instance) -> bool:
    """Three agents with 0 < L_j < M."""
    held = instance["entitlement"]
    return len(held) == 3 and min(held) > 0 and max(held) < instance["bound"]


def profile(instance: Instance) -> tuple[Any, list[Any]]:
    """The claim that beats M for agent 1, and the profile, for alpha = 1/2: a rival with a very small overage.

    The room M - L_1 has to be the square of a rational number. The claim is a little below the boundary, where no
    powers are needed.
    """
    held, bound = instance["entitlement"], Fraction(instance["bound"])
    room = bound - held[0]
    boundary = min(room, Fraction(held[2])) / 2
    small = boundary**2 / (4 * room)  # a = (y* / (2 sqrt(m)))**2, at most L_3 / 8
    return held[0] + boundary - small / 2, [bound, held[1] + small, held[2] - boundary - small]


def engine(instance: Instance) -> tuple[Any, Any]:
    """Agent 1's payoffs from M and from the smaller claim, by the engine."""
    from mechopt.mechanisms.overage.incentives import own_payoff

    better, claims = profile(instance)
    options: dict[str, Any] = {"rule": "power", "alpha": Fraction(1, 2)}
    top, peak = (own_payoff(instance["entitlement"], claims, 0, own, **options) for own in (instance["bound"], better))
    return top, peak


@claim(
    paper="lengyel2025",
    label="Beyond the paper: exponents below 1",
    statement="""For alpha < 1 and three or more agents, M is never a weakly dominant claim, however large M is: a rival
        with a very small overage takes so large a share that stopping at the boundary pays more.""",
    reading="""For every 0 < alpha < 1, n >= 3, 0 < L_j < M: there are claims of the others in [0, M] (the rest at
        C = L) at which agent 1 gets more from L_1 + y* (and from claims just below) than from M, with y* =
        min(m, L_3) / 2, m = M - L_1. One rival claims L_2 + a with a^(1 - alpha) = y* / (2 m^alpha), or less if
        that exceeds L_3 / 2 or M - L_2; another one has the slack y* + a.""",
    hypotheses=[three_agents],
    proof="""M pays less than the boundary claim iff y* a^alpha > a m^alpha, that is a^(alpha - 1) > m^alpha / y*. The
        choice of a makes the left side twice the right one, and a smaller a makes it larger.""",
    rests_on=["overage.appendix_a_when_m_is_a_best_reply"],
    expected="proved",
)
def below_one(run: Run) -> Iterator[Evidence]:
    """The choice of a for a symbol alpha, what follows from it by Z3, and the engine at alpha = 1/2."""
    import sympy
    import z3

    peak, room, surplus = symbolic.positive("boundary room odds")  # alpha = odds / (1 + odds), so 0 < alpha < 1
    alpha = surplus / (1 + surplus)
    ratio = peak / (2 * room**alpha)
    small = ratio ** (1 + surplus)  # the exponent is 1 / (1 - alpha)

    yield symbolic.identity(
        lambda case: (sympy.powsimp(sympy.expand_power_exp(small ** (-1 / (1 + surplus)))), 2 * room**alpha / peak),
        cases=["a^(alpha - 1)"],
        control=("without the 2", lambda case: (1 / ratio, room**alpha / peak)),
        range="every 0 < alpha < 1: a^(alpha - 1) = 2 m^alpha / y*",
        complete=False,
        lift=lambda case, value: {"entitlement": [1, 1, 2 * value["boundary"]], "bound": 2 + 2 * value["boundary"]},
    )
    y, over, rival, top, m = z3.Reals("boundary overage weight top_weight room")
    yield smt.prove(
        (y + over) * top / (rival + top) < y,
        given=[y > 0, y < m, over > 0, rival > 0, top > 0, rival * y >= 2 * top * over],
        control=("less than half of it", (y + over) * top / (rival + top) < y / 2),
        range="""every 0 < alpha < 1 and every n >= 3 (the weights a^alpha and m^alpha, with a^(alpha - 1) >= 2
            m^alpha / y*)""",
        complete=True,
        lift=lambda value: {"entitlement": [1, 1, 2 * value["boundary"]], "bound": 2 + 2 * value["room"]},
    )
    yield exhaustive.check(
        lambda instance: engine(instance)[0] < engine(instance)[1],
        grid=exhaustive.Grid(
            agents=(3,), each={"entitlement": [1, 2, 4]}, scalars={"bound": [5, 8, 10, 17, 26, 1000001, 1000002]}
        )
        if run.full
        else [
            {"entitlement": [held, one, two], "bound": held + root**2}
            for held in (1, 2)
            for one in (1, 2)
            for two in (1, Fraction(1, 100), 3)
            for root in (2, 3, 1000)
        ],
        control=("M pays as much as half of it", lambda instance: engine(instance)[0] * 2 < engine(instance)[1]),
        hypotheses=run.hypotheses,
        range="alpha = 1/2, three agents, M up to L + 10^6",
    )
