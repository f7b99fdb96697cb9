"""Equation (2): total payoff is total entitlement less the slack that nobody uses."""

from collections.abc import Iterator
from fractions import Fraction

from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt, symbolic


def nonnegative(instance: Instance) -> bool:
    """Entitlements and claims are nonnegative, at least one agent."""
    return len(instance["entitlement"]) > 0 and all(
        value >= 0 for value in (*instance["entitlement"], *instance["claim"])
    )


def replay(instance: Instance) -> str | None:
    """Equation (1) by hand, in fractions; shares nothing with the engine."""
    entitlement, claims = map(Fraction, instance["entitlement"]), map(Fraction, instance["claim"])
    pairs = list(zip(entitlement, claims, strict=True))
    zero = Fraction(0)
    overage = sum((max(c - e, zero) for e, c in pairs), zero)
    slack = sum((max(e - c, zero) for e, c in pairs), zero)
    share = min(Fraction(1), slack / overage) if overage else Fraction(1)
    payoff = [c if c <= e else e + share * (c - e) for e, c in pairs]
    right = sum((e for e, _ in pairs), zero) - max(slack - overage, zero)
    if sum(payoff) == right:
        return None
    return f"X = {overage}, I = {slack}, payoffs {', '.join(map(str, payoff))}: total {sum(payoff)}, not {right}"


@claim(
    paper="lengyel2025",
    label="Equation (2)",
    statement="sum_j pi_j = sum_j L_j - max{I - X, 0}",
    reading="""For every number of agents n >= 1 and all real L_j >= 0, C_j >= 0, with pi_j by equation (1):
        the payoffs add up to sum_j L_j - max(I - X, 0), also where X = 0 or nobody has slack.""",
    hypotheses=[nonnegative],
    proof="Cooperators get L_j - s_j, defectors L_j + coverage; the coverages add up to min(X, I). So the total is "
    "sum L - I + min(X, I).",
    replay=replay,
    expected="proved",
)
def budget_identity(run: Run) -> Iterator[Evidence]:
    """Aggregate for every n by Z3, every sign pattern by SymPy, and the engine itself on a grid."""
    yield aggregate()
    yield sign_patterns(6 if run.full else 4)
    yield engine(run)


def aggregate() -> Evidence:
    """All n at once: only the totals of entitlement, overage and slack enter."""
    import z3

    entitlement, overage, slack = z3.Reals("entitlement_total overage_total slack_total")
    coverage = z3.If(overage <= slack, overage, slack / overage * overage)
    total = entitlement - slack + coverage  # cooperators give up their slack, defectors gain their coverage
    return smt.prove(
        total == entitlement - smt.positive_part(slack - overage),
        given=[overage >= 0, slack >= 0, entitlement >= slack],
        control=("unused slack is handed back", total == entitlement),
        range="every number of agents (aggregate variables)",
        complete=True,
        nontrivial=[overage > slack, slack > 0],
        lift=lambda value: {
            "entitlement": [value["entitlement_total"], Fraction(1)],
            "claim": [value["entitlement_total"] - value["slack_total"], 1 + value["overage_total"]],
        },
    )


def sign_patterns(largest: int) -> Evidence:
    """Agent by agent, each a cooperator or a defector, scarce and slack."""
    import sympy

    def sides(case: tuple[tuple[int, ...], bool]) -> tuple[sympy.Expr, sympy.Expr]:
        signs, scarce = case
        entitlement = sympy.symbols(f"L0:{len(signs)}", positive=True)
        gap = sympy.symbols(f"d0:{len(signs)}", positive=True)  # overage of a defector, slack of a cooperator
        overage = sum(d for d, sign in zip(gap, signs, strict=True) if sign > 0)
        slack = sum(d for d, sign in zip(gap, signs, strict=True) if sign < 0)
        share = slack / overage if scarce else 1
        payoff = [e + (share * d if sign > 0 else -d) for e, d, sign in zip(entitlement, gap, signs, strict=True)]
        return sum(payoff), sum(entitlement) - (0 if scarce else slack - overage)

    def broken(case: tuple[tuple[int, ...], bool]) -> tuple[sympy.Expr, sympy.Expr]:
        left, right = sides(case)
        return left, right + (0 if case[1] else 1)

    def lift(case: tuple[tuple[int, ...], bool], value: dict[str, Fraction]) -> Instance:
        signs = case[0]
        entitlement = [value.get(f"L{j}", Fraction(1)) for j in range(len(signs))]
        gaps = [sign * value.get(f"d{j}", Fraction(1)) for j, sign in enumerate(signs)]
        shift = max(Fraction(0), *(-(e + g) for e, g in zip(entitlement, gaps, strict=True)))
        entitlement = [e + shift for e in entitlement]
        return {"entitlement": entitlement, "claim": [e + g for e, g in zip(entitlement, gaps, strict=True)]}

    cases = [
        (signs, scarce)
        for size in range(1, largest + 1)
        for signs in symbolic.sign_patterns(size)
        for scarce in (False, True)
        if not scarce or 1 in signs  # scarcity needs a defector
    ]
    return symbolic.identity(
        sides,
        cases=cases,
        control=("one unit appears from nowhere while slack is left", broken),
        range=f"n = 1, ..., {largest}: every pattern of cooperators and defectors, X <= I and X > I",
        complete=False,
        lift=lift,
    )


def engine(run: Run) -> Evidence:
    """The engine's own payoffs, in exact arithmetic."""
    import numpy as np

    from mechopt.mechanisms.overage.clearing import clear

    def gap(instance: Instance) -> tuple[Fraction, Fraction]:
        entitlement, claims = (np.array(instance[name], dtype=object) for name in ("entitlement", "claim"))
        cleared = clear(entitlement, claims)
        unused = max(cleared.slack_total - cleared.overage_total, 0)
        return sum(cleared.payoff.tolist()) - sum(instance["entitlement"]), unused

    values = exhaustive.steps(0, 3) if run.full else exhaustive.steps(0, 2)
    return exhaustive.check(
        lambda instance: gap(instance)[0] == -gap(instance)[1],
        grid=exhaustive.Grid(agents=(1, 2, 3), each={"entitlement": values, "claim": values}),
        control=("unused slack is handed back", lambda instance: gap(instance)[0] == 0),
        hypotheses=run.hypotheses,
    )
