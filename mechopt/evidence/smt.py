"""Proofs by Z3 over the reals: the negation of the statement has no solution.

State a claim in aggregate variables first (own overage, the others' overage, slack): one query then covers every
number of agents. Explicit small numbers of agents check the encoding. "unknown" is never a proof.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from mechopt.evidence import Control, Evidence, Instance, Irrational

Lift = Callable[[dict[str, Fraction]], Instance]
NLSAT = ("simplify", "purify-arith", "elim-term-ite", "tseitin-cnf", "qfnra-nlsat")
SOLVERS = ("nlsat", "default")  # in the order in which they are asked; the default one is faster where all is linear
SECONDS = 20.0
EXAMPLE_SECONDS = 5.0  # a generic example is wanted, but a plain one does as well
_ELEMENT = re.compile(r"^(.*)\[(\d+)\]$")


def vector(name: str, size: int) -> list[Any]:
    """Real variables name[0], ..., name[size - 1]; in instances and witnesses they come back as one list."""
    import z3

    return [z3.Real(f"{name}[{index}]") for index in range(size)]


def positive_part(value: Any) -> Any:
    """max(value, 0)."""
    import z3

    return z3.If(value > 0, value, 0)


def minimum(left: Any, right: Any) -> Any:
    """The smaller of two terms."""
    import z3

    return z3.If(left <= right, left, right)


def maximum(left: Any, right: Any) -> Any:
    """The larger of two terms."""
    import z3

    return z3.If(left >= right, left, right)


def prove(
    goal: Any,
    *,
    given: Sequence[Any] = (),
    control: tuple[str, Any],
    range: str,
    complete: bool,
    nontrivial: Sequence[Any] = (),
    lift: Lift | None = None,
    seconds: float = SECONDS,
    solvers: Sequence[str] = SOLVERS,
) -> Evidence:
    """Decide whether `given` implies `goal` for all reals.

    Args:
        goal: the statement, a Z3 formula.
        given: the hypotheses, Z3 formulas.
        control: what was broken, and the broken goal: the same code must refute it.
        range: what the variables cover, for example "every number of agents (aggregate variables)".
        complete: True where that is the whole statement as read.
        nontrivial: what the example that shows the hypotheses satisfiable must satisfy besides.
        lift: turns the values of the variables into an instance in the claim's own terms; by default they are taken
            as they are, with name[0], name[1], ... gathered into lists.
        seconds: limit per query; a query that exceeds it counts as not decided.
        solvers: the order in which Z3's solvers are asked.

    Returns:
        Evidence that holds (no counterexample exists), does not hold (with one), or is undecided.

    Raises:
        ValueError: a part of the goal is one of the hypotheses, or an implication of which they leave no case.
    """
    import z3

    lift = gather if lift is None else lift
    terms = [*given, goal, control[1], *nontrivial]
    problem = _idle(goal, given, lambda cases: _solve(cases, terms, min(seconds, EXAMPLE_SECONDS), solvers)[0])
    if problem is not None:
        raise ValueError(problem)
    example = _example(given, nontrivial, terms, seconds, solvers)
    answer, values, solver = _solve([*given, z3.Not(goal)], terms, seconds, solvers)
    refuted, counter, _ = _solve([*given, z3.Not(control[1])], terms, seconds, solvers)
    detail = {
        "unsat": f"Z3 ({solver}): the negation has no real solution",
        "sat": f"Z3 ({solver}): a counterexample exists",
    }.get(answer, f"Z3: not decided within {seconds:g} s per solver")
    return Evidence(
        kind="smt",
        holds={"unsat": True, "sat": False}.get(answer),
        range=range,
        complete=complete,
        control=Control(text=control[0], refuted=refuted == "sat", witness=None if counter is None else lift(counter)),
        instance=None if example is None else lift(example),
        witness=None if values is None else lift(values),
        detail=detail,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Something that must not be possible, for `impossible`.

    Attributes:
        given: hypotheses, Z3 formulas.
        never: the violation.
        control: what was broken, in a line, and a condition that is possible, and that the same code must find so.
    """

    given: Sequence[Any]
    never: Any
    control: tuple[str, Any]


def impossible(
    query: Query, *, range: str, complete: bool, seconds: float = SECONDS, solvers: Sequence[str] = SOLVERS
) -> Evidence:
    """Decide whether a violation has no solution. Arguments as in `prove`, whose goal is that there is none."""
    import z3

    text, possible = query.control
    return prove(
        z3.Not(query.never),
        given=query.given,
        control=(text, z3.Not(possible)),
        range=range,
        complete=complete,
        seconds=seconds,
        solvers=solvers,
    )


def gather(values: dict[str, Any]) -> dict[str, Any]:
    """Values by variable name, with name[0], name[1], ... gathered into the list `name`; whole numbers become int."""
    result: dict[str, Any] = {}
    elements: dict[str, dict[int, Any]] = {}
    for name, value in values.items():
        plain = value.numerator if isinstance(value, Fraction) and value.denominator == 1 else value
        element = _ELEMENT.match(name)
        if element:
            elements.setdefault(element[1], {})[int(element[2])] = plain
        else:
            result[name] = plain
    return {**{name: [items[index] for index in sorted(items)] for name, items in elements.items()}, **result}


def _example(
    given: Sequence[Any], nontrivial: Sequence[Any], terms: Sequence[Any], seconds: float, solvers: Sequence[str]
) -> Any:
    """A model of the hypotheses, generic if possible: no variable 0, no two equal."""
    import z3

    variables = _variables(terms)
    apart = [z3.And(*(variable != 0 for variable in variables)), z3.Distinct(*variables)] if variables else []
    for extra in (apart, []):
        answer, values, _ = _solve([*given, *nontrivial, *extra], terms, min(seconds, EXAMPLE_SECONDS), solvers)
        if answer == "sat":
            return values
    return None


def _solve(
    formulas: list[Any], terms: Sequence[Any], seconds: float, solvers: Sequence[str]
) -> tuple[str, dict[str, Any] | None, str]:
    """("sat", values, solver), ("unsat", None, solver) or ("unknown", None, "")."""
    import z3

    for name in solvers:
        solver = z3.Then(*NLSAT).solver() if name == "nlsat" else z3.Solver()
        solver.set("timeout", max(1, round(1000 * seconds)))
        solver.add(*formulas)
        try:
            answer = _check(solver)
        except z3.Z3Exception:  # the tactic does not take this logic
            continue
        if answer == "unsat":
            return answer, None, name
        if answer == "sat":
            return answer, _rational(formulas, solver.model(), _variables(terms), seconds), name
    return "unknown", None, ""


def _check(solver: Any) -> str:
    """ "sat", "unsat" or "unknown"; Z3 takes Ctrl-C for itself and only says so, here it is raised again."""
    answer = str(solver.check())
    if answer == "unknown" and "interrupted" in solver.reason_unknown():
        raise KeyboardInterrupt
    return answer


def _rational(formulas: list[Any], model: Any, variables: list[Any], seconds: float) -> dict[str, Any]:
    """The model's values as fractions; algebraic ones are moved to nearby rationals where the formulas allow it.

    A value that has to be irrational stays as text (`Irrational`), such as "root 1.4142135623?".
    """
    import z3

    values = {variable: model.eval(variable, model_completion=True) for variable in variables}
    algebraic = [variable for variable, value in values.items() if z3.is_algebraic_value(value)]
    for digits in (1, 2, 4, 8, 16) if algebraic else ():
        near = [variable == values[variable].approx(digits) for variable in algebraic]
        solver = z3.Solver()
        solver.set("timeout", max(1, round(1000 * seconds)))
        solver.add(*formulas, *near)
        if _check(solver) == "sat":
            moved = solver.model()
            values = {variable: moved.eval(variable, model_completion=True) for variable in variables}
            break
    return {str(variable): _fraction(value) for variable, value in values.items()}


def _fraction(value: Any) -> Fraction | bool | str:
    import z3

    if z3.is_int_value(value):
        return Fraction(value.as_long())
    if z3.is_rational_value(value):
        return Fraction(value.numerator_as_long(), value.denominator_as_long())
    if z3.is_true(value) or z3.is_false(value):
        return bool(z3.is_true(value))
    return Irrational(f"root {value.as_decimal(10)}") if z3.is_algebraic_value(value) else str(value)


def _idle(goal: Any, given: Sequence[Any], satisfiable: Callable[[list[Any]], str]) -> str | None:
    """Why a part of the goal shows nothing, or None: it is assumed, or an implication without a case."""
    import z3

    for part in _conjuncts([goal]):
        if any(part.eq(hypothesis) for hypothesis in _conjuncts(given)):
            return f"assumes what it is to show: {part}"
        if z3.is_implies(part) and satisfiable([*given, part.arg(0)]) == "unsat" and satisfiable([*given]) == "sat":
            return f"is about nothing that the hypotheses allow: {part}"
    return None


def _conjuncts(formulas: Iterable[Any]) -> Iterator[Any]:
    """The formulas, with each conjunction taken apart."""
    import z3

    for formula in formulas:
        if z3.is_and(formula):
            yield from _conjuncts(formula.children())
        elif isinstance(formula, z3.ExprRef):
            yield formula


def _variables(terms: Iterable[Any]) -> list[Any]:
    """The free variables of the terms, by name; shared parts of a term are visited once."""
    import z3

    found: dict[str, Any] = {}
    seen: set[int] = set()
    stack = [term for term in terms if isinstance(term, z3.ExprRef)]
    while stack:
        term = stack.pop()
        if term.get_id() in seen:
            continue
        seen.add(term.get_id())
        if z3.is_const(term) and term.decl().kind() == z3.Z3_OP_UNINTERPRETED:
            found[str(term)] = term
        stack += term.children()
    return [found[name] for name in sorted(found)]
