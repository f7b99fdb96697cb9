"""Proofs of cells of the axiom matrix, for `mechopt axioms`: `prove` and `agrees`.

Parametric rules are proved from pairs of claimants, random arrival order by order, Dominguez-Thomson round by round,
alpha-min in aggregates, the others for few claimants. A proof is a line of argument and Z3 queries without a
solution, each with a control. What is proved are formulas: `agrees` holds the rule's code against them.
"""

from __future__ import annotations

from itertools import permutations
from typing import Any

from mechopt import catalog
from mechopt.mechanisms.overage.awards.problem import Problem, Remembered, Vector
from mechopt.mechanisms.overage.awards.rules import AWARD_RULES, AwardRule

shared = catalog.beside(__file__, "_axiom_shared")
pairs = catalog.beside(__file__, "_parametric_queries")
parametric = catalog.beside(__file__, "_parametric_proofs")
arrival = catalog.beside(__file__, "_arrival_proofs")
secured = catalog.beside(__file__, "_secured_proofs")
guaranteed = catalog.beside(__file__, "_guaranteed_proofs")
few = catalog.beside(__file__, "_few_claimants")

PROOFS: dict[str, dict[str, Any]] = {
    "random_arrival": arrival.PROOFS,
    "dominguez_thomson": secured.PROOFS,
    "alpha_min": guaranteed.PROOFS,
    **few.PROOFS,
}


def proofs(rule: AwardRule) -> dict[str, Any]:
    """The proofs there are for a rule, by property: by its schedule, or ours by name."""
    if rule.schedule is not None:
        return dict(parametric.proofs(rule.schedule))
    return PROOFS.get(rule.name, {}) if AWARD_RULES.get(rule.name) is rule else {}


def prove(rule: AwardRule, name: str) -> dict[str, Any] | None:
    """Prove one of our properties of a rule.

    Returns:
        What `matrix.Proved` takes; None if there is no proof, or Z3 does not confirm all of its queries.
    """
    proof = proofs(rule).get(name)
    if proof is None:
        return None
    evidence = proof.evidence()
    if not all(shared.sound(piece) for piece in evidence):
        return None
    return {"argument": proof.argument, "queries": len(evidence), "claimants": proof.claimants}


def agrees(rule: AwardRule, code: Remembered, problem: Problem) -> bool:
    """Whether the code gives what the formulas that are proved say, at one problem, exactly."""
    awards = code(problem.estate, problem.claims)
    if rule.schedule is not None:
        return _on_schedule(rule.schedule, problem, awards)
    if rule.name == "average_of_awards" and len(problem.claims) > 2:
        return True  # the formulas say nothing there
    if rule.name == "dominguez_thomson":
        return _after_a_round(code, problem, awards)
    return awards == _by_formula(rule.name, problem)


def _on_schedule(schedule: Any, problem: Problem, awards: Vector) -> bool:
    """Some level gives all of these awards, and they add up to the estate."""
    import z3

    largest = z3.RealVal(max(problem.claims))
    level = z3.Real("level")
    for stage in schedule.stages:
        solver = z3.SolverFor("QF_LRA")
        solver.add(stage.lowest(largest) <= level, level <= stage.highest(largest))
        for claim, award in set(zip(problem.claims, awards, strict=True)):
            solver.add(pairs.part(stage, z3.RealVal(claim), level) == z3.RealVal(award))
        if str(solver.check()) == "sat":
            return sum(awards) == problem.estate
    return False


def _after_a_round(code: Remembered, problem: Problem, awards: Vector) -> bool:
    """Awards are those of the first round and of what it leaves."""
    people = len(problem.claims)
    first = [min(claim, problem.estate) / people for claim in problem.claims]
    rest = code(problem.estate - sum(first), tuple(d - x for d, x in zip(problem.claims, first, strict=True)))
    return awards == tuple(x + y for x, y in zip(first, rest, strict=True))


def _by_formula(name: str, problem: Problem) -> Vector:
    """The terms of a proof with the problem's numbers in them."""
    import z3

    estate, claims = z3.RealVal(problem.estate), [z3.RealVal(claim) for claim in problem.claims]
    if name == "random_arrival":
        terms = _average(estate, claims)
    elif name == "alpha_min":
        setting = guaranteed.Setting(
            people=z3.RealVal(len(claims)), least=z3.RealVal(min(problem.claims)), whole=z3.Sum(claims), estate=estate
        )
        terms = [setting.award(claim) for claim in claims]
    else:
        terms = few.TERMS[name](estate, claims)
    return tuple(z3.simplify(z3.ToReal(term) if z3.is_int(term) else term).as_fraction() for term in terms)


def _average(estate: Any, claims: list[Any]) -> list[Any]:
    """Awards of all orders, on average."""
    orders = list(permutations(range(len(claims))))
    total = [0 * estate for _ in claims]
    for order in orders:
        before = 0 * estate
        for k in order:
            total[k] += arrival.taken(estate, claims[k], before)
            before = before + claims[k]
    return [term / len(orders) for term in total]
