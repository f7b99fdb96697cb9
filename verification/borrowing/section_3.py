"""Section 3: the manager's utility has the wrong sign."""

from fractions import Fraction

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, Instance, Run, exhaustive

pair = catalog.beside(__file__, "_pair")


def transfers(instance: Instance) -> bool:
    """What each agent gets of the place he has, and two transfers that he receives."""
    return len(instance["worth"]) == len(instance["transfer"]) == 2 and all(-1 <= x <= 1 for x in instance["worth"])


def total(instance: Instance, sign: int) -> Fraction:
    """The utilities of both agents and of a manager with sign times the sum of the transfers."""
    paid = [Fraction(x) for x in instance["transfer"]]
    return sum((v + t for v, t in zip(instance["worth"], paid, strict=True)), Fraction(0)) + sign * sum(paid)


def replay(instance: Instance) -> str | None:
    """Money counted from purse to purse."""
    purse, lines = Fraction(0), []
    for agent, amount in enumerate(instance["transfer"], 1):
        purse -= amount
        lines.append(f"agent {agent} receives {amount} from the manager")
    stated = sum(instance["transfer"])
    return "\n".join([*lines, f"the manager's purse changes by {purse}, not by {stated}"]) if purse != stated else None


@claim(
    paper="zheng2023",
    label="Section 3",
    part="the manager's utility",
    statement="""[Agent i] receives a transfer T_i > 0 from (or pays a transfer T_i < 0 to) the manager [...] The
        manager's utility is sum T_i after she obtains the transfers from the agents. (Also Section 6.)""",
    reading="""With transfers that are received by the agents, the utilities of the agents and of the manager add up
        to the values: money goes from purse to purse. (So that "welfare" is the values of the allocation: footnote
        2.)""",
    hypotheses=[transfers],
    replay=replay,
    expected="refuted",
    repaired_by="borrowing.footnote_2",
)
def manager(run: Run) -> Evidence:
    """Small values and transfers."""
    return exhaustive.check(
        lambda i: total(i, 1) == sum(i["worth"]),
        grid=exhaustive.Grid(agents=(2,), each={"worth": [0, 1], "transfer": [0, 1, -1]}),
        control=("nobody pays", lambda i: i["transfer"] == [0, 0]),
        hypotheses=run.hypotheses,
    )
