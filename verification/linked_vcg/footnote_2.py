"""Footnote 2: the conjecture c[k] of the proof of Theorem 2 vanishes."""

from collections.abc import Iterator

from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, smt


def root(instance: Instance) -> bool:
    """k >= 1, e > 0, and 0 <= c <= e/2 with c (e - c) = k f: the smaller root."""
    c, e = instance["c"], instance["e"]
    return instance["agents"] >= 1 and e > 0 and 0 <= 2 * c <= e


@claim(
    paper="zhu2021",
    label="Footnote 2",
    statement="""c(d)[k] := (epsilon/(k v-bar) - sqrt((epsilon/(k v-bar))^2 - 4 k f(i(d) T[k]))) / 2. For all
        sufficiently large k, k c(d)[k] is in [0, infinity) and lim k c(d)[k] = 0.""",
    reading="""For all epsilon, v-bar > 0, i(d) > 0, k, f: with e = epsilon/(k v-bar) the number is real iff 4 k f
        <= e^2, it is the smaller root of c (e - c) = k f, and then k c <= 2 k^3 f v-bar / epsilon. As T >= k^kappa,
        k^3 f(i T) <= z^(3/kappa) f(z) / i^(3/kappa) with z = i T: it vanishes, and so does 4 k^3 f v-bar^2 /
        epsilon^2, whatever i(d) > 0 is. (For i(d) = 0 it does not.)""",
    hypotheses=[root],
    proof="c <= e/2 gives k f = c (e - c) >= c e / 2.",
    expected="proved",
)
def small(run: Run) -> Iterator[Evidence]:
    """By Z3."""
    import z3

    c, e, f, k, v, epsilon = z3.Reals("c e f k v_bar epsilon")
    yield smt.prove(
        z3.And(k * c * epsilon <= 2 * k * k * k * f * v, e * e >= 4 * k * f),
        given=[k >= 1, v > 0, epsilon > 0, e * k * v == epsilon, c >= 0, 2 * c <= e, c * (e - c) == k * f, f >= 0],
        control=("half of it", k * c * epsilon <= k * k * k * f * v),
        range="every k, epsilon, v-bar and f",
        complete=True,
        nontrivial=[c > 0],
        lift=lambda value: {"c": value["c"], "e": value["e"], "agents": 1},
    )
    other = z3.Real("root")
    yield smt.prove(
        z3.Implies(z3.And(2 * c == e - other, other >= 0, other * other == e * e - 4 * k * f), c * (e - c) == k * f),
        given=[k >= 1, e > 0, f >= 0],
        control=("of twice that", z3.Implies(z3.And(2 * c == e - other, other * other == e * e - 4 * k * f), c == e)),
        range="the formula is a root of c (e - c) = k f",
        complete=False,
        lift=lambda value: {"c": 0, "e": value["e"], "agents": 1},
    )
