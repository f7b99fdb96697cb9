"""Remark 6: other Nash equilibria exist, among them the cooperative profile; and which they are."""

from collections.abc import Iterator
from typing import Any

from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt


def profile(instance: Instance) -> bool:
    """0 < L_j <= M, claims in [0, M]."""
    return (
        min(instance["entitlement"]) > 0
        and max(instance["entitlement"]) <= instance["bound"]
        and all(0 <= own <= instance["bound"] for own in instance["claim"])
    )


def any_bound(instance: Instance) -> bool:
    """L_j > 0, M > 0, claims in [0, M]; entitlements may exceed M."""
    return (
        min(instance["entitlement"]) > 0
        and instance["bound"] > 0
        and all(0 <= own <= instance["bound"] for own in instance["claim"])
    )


def engine(instance: Instance, claims: list[Any]) -> Any:
    """The engine's finding: a margin of minus the largest gain from a claim of one's own."""
    from mechopt.mechanisms.overage.incentives import nash_equilibrium

    return nash_equilibrium(instance["entitlement"], claims, instance["bound"])


def gain(own: Any, others: Any, slack: Any) -> Any:
    """Payoff over entitlement of one agent, as a Z3 term."""
    import z3

    return z3.If(own <= 0, own, z3.If(own + others <= slack, own, slack * own / (own + others)))


def lift(value: dict[str, Any]) -> Instance:
    """Three agents: the one in question, a defector and a cooperator."""
    own, rest, slack = (value.get(name, 0) for name in ("own", "others", "slack"))
    held = 1 + max(-own, 0)
    bound = max(held + max(own, value.get("room", 0)), 1 + rest, 1 + slack)
    return {"entitlement": [held, 1, 1 + slack], "claim": [held + own, 1 + rest, 1], "bound": bound}


GRID = exhaustive.Grid(
    agents=(1, 2, 3), each={"entitlement": [1, 2], "claim": exhaustive.steps(0, 3)}, scalars={"bound": [2, 3]}
)


@claim(
    paper="lengyel2025",
    label="Remark 6",
    statement="""Because dominance is weak, other Nash equilibria exist. In particular, the cooperative profile C =
        L is a Nash equilibrium: for any j and any C'_j >= L_j, the induced I' = 0 yields pi_j(C'_j, C_{-j}) =
        L_j.""",
    reading="""For every n, 0 < L_j <= M, alpha = 1: at C = L no claim in [0, M] pays any agent more than L_j;
        claims from L_j on pay exactly L_j. The same holds at (M, ..., M).""",
    hypotheses=[profile],
    proof="The others have no slack: a larger claim is not covered, a smaller one pays itself.",
    expected="proved",
)
def cooperative(run: Run) -> Iterator[Evidence]:
    """One agent against others without slack, for every n; the engine at both profiles."""
    import z3

    own, others = z3.Reals("own others")
    yield smt.prove(
        z3.And(gain(own, others, 0) <= 0, z3.Implies(own >= 0, gain(own, others, 0) == 0)),
        given=[others >= 0],
        control=("smaller claims pay the entitlement too", gain(own, others, 0) == 0),
        range="every number of agents (own claim; the others at C = L, or anywhere from L on)",
        complete=True,
        nontrivial=[own > 0],
        lift=lift,
    )
    yield exhaustive.check(
        lambda instance: (
            engine(instance, instance["entitlement"]).margin == 0
            and engine(instance, [instance["bound"]] * len(instance["claim"])).margin == 0
        ),
        grid=GRID,
        control=("every profile is one", lambda instance: engine(instance, instance["claim"]).holds),
        hypotheses=run.hypotheses,
    )


@claim(
    paper="lengyel2025",
    label="Beyond the paper: Nash set",
    statement="""With M >= max L the Nash equilibria of the linear rule are exactly the profiles with L <= C <= M,
        and in each of them everybody gets L_j.""",
    reading="""For every n, 0 < L_j <= M, alpha = 1: a profile in [0, M]^n is a Nash equilibrium iff C_j >= L_j for
        all j; its payoffs are then L.""",
    hypotheses=[profile],
    proof="""If C_j < L_j, claiming L_j pays L_j > C_j. If all C_j >= L_j there is no slack, everybody gets L_j,
        and by Remark 6 nobody can get more.""",
    rests_on=["overage.remark_6"],
    expected="proved",
)
def nash_set(run: Run) -> Iterator[Evidence]:
    """Both directions for every n by Z3; the engine's equilibria and its box on a grid."""
    import z3

    own, other, others, slack = z3.Reals("own other others slack")
    yield smt.prove(
        z3.And(
            # no slack anywhere: nobody gains by any other claim, and the payoff is L
            z3.Implies(z3.And(own >= 0, slack == 0), z3.And(gain(other, others, 0) <= 0, gain(own, others, 0) == 0)),
            # somebody below the entitlement: it can move there and gains, whatever the others do
            z3.Implies(own < 0, gain(0 * own, others, slack) > gain(own, others, slack)),
        ),
        given=[others >= 0, slack >= 0],
        control=("only C = L", z3.Implies(own > 0, gain(0 * own, others, slack) > gain(own, others, slack))),
        range="every number of agents (own overage, another claim, the others' overage and slack)",
        complete=True,
        nontrivial=[own > 0, others > 0, slack == 0],
        lift=lift,
    )

    def exactly(instance: Instance) -> bool:
        from mechopt.mechanisms.overage.incentives import nash_set, payoffs

        lower, upper = nash_set(instance["entitlement"], instance["bound"])
        inside = all(a <= c <= b for a, c, b in zip(lower, instance["claim"], upper, strict=True))
        above = all(c >= e for e, c in zip(instance["entitlement"], instance["claim"], strict=True))
        found = engine(instance, instance["claim"]).holds
        same = not found or payoffs(instance["entitlement"], instance["claim"]) == instance["entitlement"]
        return found == inside == above and same

    yield exhaustive.check(
        exactly,
        grid=GRID,
        control=("every profile is one", lambda instance: engine(instance, instance["claim"]).holds),
        hypotheses=run.hypotheses,
    )


@claim(
    paper="lengyel2025",
    label="Beyond the paper: Nash set",
    part="any bound",
    statement="""Where some entitlements exceed M, the Nash equilibria are: everybody at M, except that a single
        agent with L_j < M may claim anything from L_j + min(M - L_j, slack) to M.""",
    reading="""For every n, L_j > 0, M > 0, alpha = 1, with slack F = sum (L_j - M)_+ > 0: agents with L_j >= M
        claim M. If exactly one agent has L_j < M, the equilibria are its claims from L_j + min(M - L_j, F) to
        M; if several do, all claim M.""",
    hypotheses=[any_bound],
    proof="""Below L_j the payoff is the claim, so C_j >= min(L_j, M) and I = F. Alone, an agent is covered up to
        F. With two or more below M each claims more than L_j, so each faces V > 0, where the payoff is strictly
        increasing.""",
    rests_on=["overage.remark_6"],
    expected="proved",
)
def nash_any_bound(run: Run) -> Iterator[Evidence]:
    """The best replies to forced slack, by Z3 for every n; the engine on a grid."""
    import z3

    own, room, others, slack = z3.Reals("own room others slack")
    enough = smt.minimum(room, slack)
    alone = (gain(own, 0 * own, slack) == gain(room, 0 * own, slack)) == (own >= enough)
    several = z3.Implies(others > 0, (gain(own, others, slack) == gain(room, others, slack)) == (own == room))
    yield smt.prove(
        z3.And(alone, several),
        given=[own <= room, room > 0, others >= 0, slack > 0],
        control=("several are as free as one", z3.Implies(own >= enough, gain(own, others, slack) == enough)),
        range="every number of agents (own overage, m = M - L, the others' overage, forced slack F)",
        complete=True,
        nontrivial=[own > 0, own < room, others > 0],
        lift=lift,
    )

    def box(instance: Instance) -> bool:
        from mechopt.mechanisms.overage.incentives import nash_set

        lower, upper = nash_set(instance["entitlement"], instance["bound"])
        inside = all(a <= c <= b for a, c, b in zip(lower, instance["claim"], upper, strict=True))
        return bool(engine(instance, instance["claim"]).holds == inside)

    yield exhaustive.check(
        box,
        grid=exhaustive.Grid(
            agents=(1, 2, 3) if run.full else (1, 2),
            each={"entitlement": [1, 2, 4], "claim": exhaustive.steps(0, 3, 2)},
            scalars={"bound": [2, 3]},
        ),
        control=("only the largest claims", lambda i: engine(i, i["claim"]).holds == (set(i["claim"]) == {i["bound"]})),
        hypotheses=run.hypotheses,
    )
