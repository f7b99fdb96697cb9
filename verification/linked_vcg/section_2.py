"""Section 2: what the conditions on project types are for."""

from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, smt


def stock(instance: Instance) -> bool:
    """q > 0."""
    return min(instance["stock"]) > 0


@claim(
    paper="zhu2021",
    label="Section 2",
    part="condition 1 is needed",
    statement="""If condition 1 were not satisfied, an efficient use of resources would typically leave some resources
        unused, even if there were a plentiful supply of each project type.""",
    reading="""There are types with plenty of each, all using both of two resources, and a stock q > 0, such that every
        efficient investment leaves some of a resource unused. Shown for types (a, b) and (c, d) with a/b and c/d both
        above q_1/q_2: all of resource 1 goes, and at most q_1 max(b/a, d/c) < q_2 of resource 2.""",
    hypotheses=[stock],
    proof="Every unit of resource 1 takes at most max(b/a, d/c) units of resource 2 along.",
    expected="proved",
)
def without_condition_1() -> Evidence:
    """For all such pairs of types by Z3."""
    import z3

    a, b, c, d, one, two, x, y = z3.Reals("a b c d stock1 stock2 x y")
    return smt.prove(
        x * b + y * d < two,
        given=[
            *(value > 0 for value in (a, b, c, d, one, two)), x >= 0, y >= 0, x * a + y * c <= one,
            a * two > b * one, c * two > d * one,
        ],
        control=("at most half of it", x * b + y * d < two / 2),
        range="two resources, two types with plenty of each, all amounts",
        complete=True,
        nontrivial=[x > 0, y > 0],
        lift=lambda value: {"stock": [value["stock1"], value["stock2"]]},
    )  # fmt: skip
