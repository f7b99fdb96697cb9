"""Theorem 5: the profile of largest claims is a strong Nash equilibrium, with side payments, and coalition-proof."""

from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import cache
from itertools import combinations, product
from typing import Any

from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt

Profile = tuple[int, ...]
Players = tuple[int, ...]


def deviation(instance: Instance) -> bool:
    """0 < L_j < M; a coalition of the first so many agents, with claims in [0, M]."""
    members = instance["deviation"]
    return (
        min(instance["entitlement"]) > 0
        and max(instance["entitlement"]) < instance["bound"]
        and 1 <= len(members) <= len(instance["entitlement"])
        and all(0 <= own <= instance["bound"] for own in members)
    )


def engine(instance: Instance) -> tuple[Any, Any, bool]:
    """By the engine: the coalition's total before and after its deviation, and whether no coalition gains."""
    from mechopt.mechanisms.overage.coalitions import best_deviation
    from mechopt.mechanisms.overage.incentives import payoffs

    held, size = instance["entitlement"], len(instance["deviation"])
    top = [instance["bound"]] * len(held)
    after = payoffs(held, [*instance["deviation"], *top[size:]])
    own_best = best_deviation(held, top, range(size), instance["bound"]).gain
    return (
        sum(payoffs(held, top)[:size]),
        sum(after[:size]),
        no_coalition_gains(tuple(held), instance["bound"]) and own_best == 0,
    )


@cache
def no_coalition_gains(held: tuple[Any, ...], bound: Any) -> bool:
    """The engine's finding over all coalitions, at the largest claims."""
    from mechopt.mechanisms.overage.coalitions import strong_equilibrium

    return strong_equilibrium(list(held), [bound] * len(held), bound).margin == 0


class Deviations:
    """All coalitions of the first agents and all their claims on a grid."""

    def __init__(self, agents: int, claims: list[Any]) -> None:
        self.agents, self.claims = agents, claims

    def __iter__(self) -> Iterator[Instance]:
        for agents in range(1, self.agents + 1):
            for held in product((1, 2), repeat=agents):
                for size in range(1, agents + 1):
                    for claims in product(self.claims, repeat=size):
                        yield {"entitlement": list(held), "deviation": list(claims), "bound": 3}


@claim(
    paper="lengyel2025",
    label="Theorem 5",
    statement="""At the dominant-strategy outcome (all defect), under transferable utility within coalitions, no
        coalition K can achieve a strict Pareto improvement by deviating; hence the profile is a Strong Nash
        equilibrium.""",
    reading="""For every n, L_j > 0, M > max L, coalition K and claims C'_K in [0, M] against C_{-K} = (M, ..., M),
        alpha = 1: K's total payoff is at most what it is at (M, ..., M), which is sum_K L. (Side payments make
        all members better off only if the total rises: Remark 7.)""",
    hypotheses=[deviation],
    proof="At (M, ..., M) nobody has slack and everybody gets L_j. Appendix B bounds the deviation by sum_K L.",
    rests_on=["overage.appendix_b", "overage.proposition_2_all_defect", "overage.remark_7"],
    expected="proved",
)
def strong(run: Run) -> Iterator[Evidence]:
    """Aggregate for every n and K, three explicit agents as a check of the encoding, the engine on a grid."""
    import z3

    slack, own, rest = z3.Reals("slack own_overage other_overage")
    total = -slack + z3.If(own + rest <= slack, own, slack * own / (own + rest))
    yield smt.prove(
        total <= 0,
        given=[slack >= 0, own >= 0, rest >= 0],
        control=("a strict loss", total < 0),
        range="every number of agents and every coalition (aggregate variables, payoffs over entitlements)",
        complete=True,
        nontrivial=[own > 0, slack > 0, rest > 0],
        lift=lambda value: {
            "entitlement": [1 + value["slack"], 1, 1],
            "deviation": [1, 1 + value["own_overage"]],
            "bound": 2 + value["slack"] + value["own_overage"] + value["other_overage"],
        },
    )
    yield explicit(3)
    yield exhaustive.check(
        lambda instance: engine(instance)[1] <= engine(instance)[0] and engine(instance)[2],
        grid=Deviations(3, exhaustive.steps(0, 3, 2 if run.full else 1)),
        control=("every deviation loses", lambda instance: engine(instance)[1] < engine(instance)[0]),
        hypotheses=run.hypotheses,
        range="L in {1, 2}, M = 3, claims 0, ..., 3, up to 3 agents, every coalition of the first agents",
    )


def explicit(agents: int) -> Evidence:
    """Agent by agent: the first two of three deviate."""
    import z3

    held, asked = smt.vector("entitlement", agents), smt.vector("deviation", agents - 1)
    bound = z3.Real("bound")
    claims = [*asked, bound]
    overage = [smt.positive_part(c - e) for e, c in zip(held, claims, strict=True)]
    slack = z3.Sum([smt.positive_part(e - c) for e, c in zip(held, claims, strict=True)])
    over = z3.Sum(overage)
    gains = [
        z3.If(c <= e, c - e, z3.If(over <= slack, v, slack * v / over))
        for e, c, v in zip(held, claims, overage, strict=True)
    ]
    limits = [z3.And(e > 0, e < bound) for e in held] + [z3.And(c >= 0, c <= bound) for c in asked]
    return smt.prove(
        z3.Sum(gains[: agents - 1]) <= 0,
        given=limits,
        control=("they lose", z3.Sum(gains[: agents - 1]) < 0),
        range=f"{agents} explicit agents, a coalition of {agents - 1}, all reals",
        complete=False,
        nontrivial=[asked[0] < held[0], asked[1] > held[1]],
    )


def subsets(players: Players) -> Iterator[Players]:
    """The proper subsets that are not empty."""
    return (chosen for size in range(1, len(players)) for chosen in combinations(players, size))


def coalition_proof(pay: Callable[[Profile], list[Any]], choices: int, profile: Profile) -> bool:
    """Bernheim, Peleg and Whinston's definition, word by word, in a finite game.

    A profile is self-enforcing for a group if every proper subgroup's part is coalition-proof given the rest; it is
    coalition-proof for the group if no other self-enforcing profile of the group is strictly better for all of it.
    """
    everybody = tuple(range(len(profile)))

    @cache
    def proof(profile: Profile, group: Players) -> bool:
        return enforcing(profile, group) and not any(
            all(pay(other)[j] > pay(profile)[j] for j in group) and enforcing(other, group)
            for other in moves(profile, group)
        )

    @cache
    def enforcing(profile: Profile, group: Players) -> bool:
        return all(proof(profile, part) for part in subsets(group))

    def moves(profile: Profile, group: Players) -> Iterator[Profile]:
        for values in product(range(choices), repeat=len(group)):
            changed = dict(zip(group, values, strict=True))
            yield tuple(changed.get(j, own) for j, own in enumerate(profile))

    return proof(profile, everybody)


def bounded_game(instance: Instance) -> bool:
    """0 < L_j < 3, the largest claim."""
    return all(0 < held < 3 for held in instance["entitlement"])


@claim(
    paper="lengyel2025",
    label="Theorem 5",
    part="coalition-proof",
    statement="""By Bernheim et al. (1987), Strong Nash implies Coalition-Proof Nash Equilibrium; hence C^DS is
        also a CPNE.""",
    reading="""For all games with claims on a finite grid that contains M: (M, ..., M) is coalition-proof by
        Bernheim, Peleg and Whinston's recursive definition (no side payments).""",
    hypotheses=[bounded_game],
    proof="""Induction on the group: a strong equilibrium's part is strong in every subgame, so by induction
        coalition-proof there, so the profile is self-enforcing; and no profile at all is strictly better for
        the whole group.""",
    rests_on=["overage.theorem_5"],
    expected="proved_in_range",
)
def proof(run: Run) -> Evidence:
    """The definition evaluated on whole games of the engine, all subgames included."""
    grid = [Fraction(0), Fraction(1), Fraction(2), Fraction(3)]

    def holds(instance: Instance, action: int) -> bool:
        from mechopt.mechanisms.overage.incentives import payoffs

        held = instance["entitlement"]
        pay = cache(lambda profile: payoffs(held, [grid[choice] for choice in profile]))
        return coalition_proof(pay, len(grid), (action,) * len(held))

    return exhaustive.check(
        lambda instance: holds(instance, 3),
        grid=exhaustive.Grid(agents=(1, 2, 3) if run.full else (1, 2), each={"entitlement": exhaustive.steps(1, 2, 2)})
        if run.full
        else [*exhaustive.Grid(agents=(1, 2), each={"entitlement": [1, 2]}), {"entitlement": [1, 2, 1]}],
        control=("the smallest claims", lambda instance: holds(instance, 0)),
        hypotheses=run.hypotheses,
        range="claims 0, 1, 2, 3 = M; L in {1, 2} for 1 and 2 agents"
        + (", {1, 3/2, 2} for up to 3" if run.full else ", L = (1, 2, 1)"),
    )
