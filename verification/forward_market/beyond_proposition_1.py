"""Beyond the paper: a common worst-off type is not necessary for a surplus at every type."""

import itertools
from fractions import Fraction

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive

market = catalog.beside(__file__, "_market")
forward = catalog.beside(__file__, "_pair")


def hats(instance: Instance) -> list[Fraction]:
    """The worst-off types of two agents with uniform types."""
    demand, low, b = list(map(Fraction, instance["demand"])), instance["low"], forward.excess(instance)
    held = [min(Fraction(r), k) for r, k in zip(instance["holding"], demand, strict=True)]
    return [low + max(Fraction(0), (held[i] - 1 + demand[1 - i]) / b) for i in (0, 1)]


def different(instance: Instance) -> bool:
    """The worst-off types of the two agents differ."""
    return len(set(hats(instance))) == 2


def lowest(instance: Instance) -> Fraction:
    """The least of (2) over all types: linear in each type between the hats, the ends and the other type."""
    demand, worst, low = instance["demand"], hats(instance), instance["low"]
    held = [min(Fraction(r), k) for r, k in zip(instance["holding"], demand, strict=True)]
    found = []
    for types in itertools.product({low, low + 1, *worst}, repeat=2):
        total = -market.efficient(demand, types)[0] - sum(r * hat for r, hat in zip(held, worst, strict=True))
        for i, hat in enumerate(worst):
            total += market.efficient(demand, [hat if j == i else t for j, t in enumerate(types)])[0]
        found.append(Fraction(total))
    return min(found)


def replay(instance: Instance) -> str | None:
    """(2) by the order of the two types, at every pair from the ends, the hats and a grid in between."""
    k, r, low = (instance[name] for name in ("demand", "holding", "low"))
    b = k[0] + k[1] - 1
    # The hat by cases: nobody's share falls short of 1 - k_j, nor exceeds k_i.
    hat = [low if r[i] <= 1 - k[1 - i] else low + min(Fraction(1), Fraction(r[i] - 1 + k[1 - i]) / b) for i in (0, 1)]
    if hat[0] == hat[1]:
        return None

    def welfare(first: Fraction, second: Fraction) -> Fraction:
        if first >= second:
            return Fraction(k[0] * first + (1 - k[0]) * second)
        return Fraction(k[1] * second + (1 - k[1]) * first)

    owed = sum(min(Fraction(r[i]), k[i]) * hat[i] for i in (0, 1))
    cells = sorted({low + Fraction(part, 8) for part in range(9)} | set(hat))
    least = min(
        (welfare(hat[0], b) + welfare(a, hat[1]) - welfare(a, b) - owed, a, b)
        for a, b in itertools.product(cells, repeat=2)
    )
    if least[0] < 0:
        return None
    return (
        f"the worst-off types are {hat[0]} and {hat[1]}, the outside options are owed {owed}\n"
        f"the surplus is least at the types {least[1]} and {least[2]}, where it is {least[0]}: negative nowhere"
    )


@claim(
    paper="liu2020",
    label="Beyond the paper: the converse of Proposition 1",
    statement="If Pi(theta, r) >= 0 for every theta, all agents have the same worst-off type.",
    reading="""For two agents with uniform types and holdings with different worst-off types, (2) is negative somewhere.
        (The paper claims only that a common type is sufficient.)""",
    hypotheses=[forward.pair, market.holdings, different],
    replay=replay,
    expected="refuted",
    repaired_by="forward_market.proposition_1",
)
def converse(run: Run) -> Evidence:
    """Holdings in quarters; the least of (2) at its kinks."""
    return exhaustive.check(
        lambda i: lowest(i) < 0,
        grid=[
            {"demand": list(k), "low": low, "holding": held}
            for k in itertools.product([Fraction(1, 4), Fraction(3, 4), 1], repeat=2)
            for low in (0, 1, 2)
            for held in market.simplex(2, 4)
        ],
        control=("below -1", lambda i: lowest(i) < -1),
        hypotheses=run.hypotheses,
        range="demand in {1/4, 3/4, 1}, low in {0, 1, 2}, holdings in quarters",
    )
