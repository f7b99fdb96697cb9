"""Section 8: the pivot mechanism as the only Groves mechanism that is individually rational without subsidies."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive, smt

UNIQUE = """In our setting, the pivot mechanism is the only mechanism ensuring that: E[y(a) - tau] >= 0 and tau >= 0."""


def from_zero(instance: Instance) -> bool:
    """Values of the others for at least one decision, at least 0; any charge in place of the pivot's."""
    return len(instance["others"]) >= 1 and min(instance["others"]) >= 0


def from_floor(instance: Instance) -> bool:
    """Values above a floor > 0 (Assumption A.1), for at least one decision; a charge above the pivot's."""
    return len(instance["others"]) >= 1 and min(instance["others"]) > 0 and instance["floor"] > 0 < instance["charge"]


def transfer(instance: Instance, own: list[Any]) -> tuple[Any, Any]:
    """The agent's transfer and its expected payoff where it states `own` truthfully and h = max + charge."""
    others = instance["others"]
    totals = [mine + rest for mine, rest in zip(own, others, strict=True)]
    taken = totals.index(max(totals))
    due = max(others) + instance["charge"] - others[taken]
    return due, own[taken] - due


def fits(instance: Instance, floor: Any, *, least: Any = 0) -> bool:
    """Whether no truthful report from the floor on gives a subsidy or a loss, at the reports that decide it."""
    count = len(instance["others"])
    tried = [[floor] * count, *[[floor + (3 if a == b else 0) for b in range(count)] for a in range(count)]]
    return all(due >= 0 and left >= least for due, left in (transfer(instance, own) for own in tried))


@claim(
    paper="chassang2021",
    label="Section 8",
    part="the pivot is unique",
    statement=UNIQUE,
    reading="""For every number of agents and decisions: among the transfers h_i(m_-i) less the others' stated values
        at a*, with values in [0, y_max]^A, those with tau_i >= 0 and expected payoff >= 0 at every truthful report
        are h_i = max over a of the others' total.""",
    hypotheses=[from_zero],
    proof="""At v_i = 0 the decision is best for the others: tau_i = h_i - max >= 0, and the payoff is -tau_i >= 0.
        The pivot itself meets both (Proposition 1, Section 3).""",
    rests_on=["limited_liability.proposition_1", "limited_liability.section_3_positive_surplus"],
    expected="proved",
)
def unique(run: Run) -> Iterator[Evidence]:
    """The report 0, by Z3; charges on a grid."""
    import z3

    most, charge = z3.Reals("most charge")  # h = most + charge; at v = 0 the others have their most
    yield smt.prove(
        charge == 0,
        given=[most >= 0, most + charge - most >= 0, 0 - (most + charge - most) >= 0],
        control=("and most is 0", z3.And(charge == 0, most == 0)),
        range="every number of agents and decisions",
        complete=True,
        lift=lambda value: {"others": [value["most"], 0], "charge": 0},
    )
    yield exhaustive.check(
        lambda instance: fits(instance, 0) == (instance["charge"] == 0),
        grid=exhaustive.Grid(
            agents=(1, 2, 3), each={"others": [0, 1, 2]}, scalars={"charge": [-1, 0, Fraction(1, 2), 1]}
        ),
        control=("no charge fits", lambda instance: not fits(instance, 0)),
        hypotheses=run.hypotheses,
    )


def replay(instance: Instance) -> str | None:
    """By hand: the least payoff over all own values above the floor, decision by decision."""
    others, floor, charge = instance["others"], Fraction(instance["floor"]), Fraction(instance["charge"])
    most = max(others)
    # If a is taken, v(a) + others(a) >= v(b) + most at a best b, and v(b) > floor: the payoff exceeds floor - charge.
    if charge > floor:
        return None
    return (
        f"the others' totals are {', '.join(map(str, others))}; the pivot charges {most} less their total at a*, this "
        f"mechanism {charge} more\ntransfers are at least {charge} > 0\nwhatever decision a is taken, v(a) + others(a) "
        f">= v(b) + {most} with b best for the others and v(b) > {floor}\nso the agent keeps more than {floor} - "
        f"{charge} >= 0: individually rational, no subsidy, and not the pivot"
    )


@claim(
    paper="chassang2021",
    label="Section 8",
    part="the pivot is unique under Assumption A.1",
    statement=UNIQUE,
    reading="""The same where all values exceed a floor > 0 (Assumption A.1): no charge above the pivot's leaves every
        truthful agent a payoff >= 0.""",
    hypotheses=[from_floor],
    replay=replay,
    expected="refuted",
    repaired_by="limited_liability.section_8_charges_up_to_the_floor",
)
def floor_unique(run: Run) -> Evidence:
    """Charges on a grid."""
    return exhaustive.check(
        lambda instance: not fits(instance, instance["floor"]),
        grid=exhaustive.Grid(agents=(1, 2), each={"others": [1, 2]}, scalars={"floor": [1], "charge": [3, 2, 1]}),
        control=("at every charge", lambda instance: fits(instance, instance["floor"])),
        hypotheses=run.hypotheses,
    )


@claim(
    paper="chassang2021",
    label="Section 8",
    part="charges up to the floor",
    statement="""Under Assumption A.1 the pivot's charge plus c is individually rational without subsidies for all c
        in [0, floor].""",
    reading="""For every number of agents and decisions and values above the floor v > 0: h_i = max + c with c >= 0 has
        tau_i >= 0 and expected payoff >= 0 at every truthful report iff c <= v.""",
    hypotheses=[from_floor],
    proof="""Payoff = own + others at a* less max less c >= v(b) - c with b best for the others, and v(b) > v.
        For c > v take v_i constant between v and c: the decision is best for the others and the payoff v_i
        - c < 0.""",
    expected="proved",
)
def charges(run: Run) -> Iterator[Evidence]:
    """By Z3; charges on a grid."""
    import z3

    own, others, most, there, floor, charge, level = z3.Reals("own others most there floor charge level")
    yield smt.prove(
        z3.And(
            z3.Implies(charge <= floor, z3.And(most + charge - others >= 0, own - (most + charge - others) > 0)),
            z3.Implies(
                z3.And(charge > floor, level == (floor + charge) / 2), z3.And(level > floor, level - charge < 0)
            ),
        ),
        given=[
            own + others >= there + most,
            there > floor,
            floor > 0,
            charge > 0,
            most >= others,
            others > 0,
            own > floor,
        ],
        control=("up to twice the floor", z3.Implies(charge <= 2 * floor, own - (most + charge - others) >= 0)),
        range="every number of agents and decisions",
        complete=True,
        lift=lambda value: {
            "others": [value["others"], value["most"]],
            "floor": value["floor"],
            "charge": value["charge"],
        },
    )
    yield exhaustive.check(
        lambda instance: fits(instance, instance["floor"]) == (instance["charge"] <= instance["floor"]),
        grid=exhaustive.Grid(
            agents=(1, 2, 3), each={"others": [1, 2]}, scalars={"floor": [1, 2], "charge": [Fraction(1, 2), 1, 2, 3]}
        ),
        control=("every charge", lambda instance: fits(instance, instance["floor"])),
        hypotheses=run.hypotheses,
    )
