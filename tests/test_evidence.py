"""The kinds of evidence: each proves what is true, refutes what is false with an exact witness, and can fail."""

import random
from fractions import Fraction
from typing import Any

import pytest
import z3
from hypothesis import strategies as st

from mechopt.errors import SolveError
from mechopt.evidence import Evidence, Instance, certified, exhaustive, generic, sampled, smt, symbolic

x, y, z = z3.Reals("x y z")


def prove(goal: Any, control: Any = None, **rest: Any) -> Evidence:
    """A proof attempt about reals, with the goal's negation for a control unless one is given."""
    options: dict[str, Any] = {"range": "all reals", "complete": True, **rest}
    return smt.prove(goal, control=("negated", z3.Not(goal) if control is None else control), **options)


def test_smt_proves_a_nonlinear_truth() -> None:
    """Arithmetic and geometric mean; the example is not degenerate."""
    evidence = prove((x + y) ** 2 >= 4 * x * y, given=[x >= 0, y >= 0])
    assert evidence.holds
    assert evidence.fault is None
    assert evidence.instance is not None
    assert generic(evidence.instance)


def test_smt_refutes_with_exact_values() -> None:
    """The witness consists of fractions and violates the goal."""
    evidence = prove(3 * x != 1, given=[x > 0])
    assert evidence.holds is False
    assert evidence.witness == {"x": Fraction(1, 3)}


def test_smt_moves_an_algebraic_witness_to_a_rational_one() -> None:
    """A solver may answer with a root; a reader wants a fraction wherever one will do."""
    evidence = prove(z3.Not(z3.And(x * x > 2, x * x * x < 3)), given=[x > 0, y * y == 2, y > 0, x > z3.Q(7, 5)])
    assert evidence.holds is False
    assert evidence.witness is not None
    assert isinstance(evidence.witness["y"], str)
    assert "1.414" in evidence.witness["y"]
    assert Fraction(evidence.witness["x"]) ** 2 > 2
    assert Fraction(evidence.witness["x"]) ** 3 < 3
    moved = prove(x * x <= 2, given=[x * x >= 2, x > 0])
    assert moved.witness is not None
    assert Fraction(moved.witness["x"]) ** 2 > 2


def test_smt_vacuous_hypotheses_are_a_fault() -> None:
    """From hypotheses that nothing satisfies everything follows; that is no proof."""
    evidence = prove(x > 5, given=[x > 1, x < 0])
    assert evidence.holds
    assert "vacuous" in (evidence.fault or "")
    assert evidence.instance is None
    assert prove(x > 0, given=[x > 1], nontrivial=[x < -1]).instance is None


@pytest.mark.parametrize("given", [[x > 0], [z3.And(y > 0, z3.And(x > 0, x < 9))]])
def test_smt_shows_nothing_that_it_assumes(given: list[Any]) -> None:
    """However deep in a conjunction; what merely follows from a hypothesis may be shown."""
    with pytest.raises(ValueError, match="assumes what it is to show: x > 0"):
        prove(z3.And(x + 1 > 0, x > 0), given=given, control=x > 5)
    assert prove(x + 1 > 0, given=given, control=x > 5).holds


def test_smt_an_implication_without_a_case_is_no_proof() -> None:
    """It would hold whatever it concludes; where some case is left, it may be shown."""
    with pytest.raises(ValueError, match="nothing that the hypotheses allow: Implies"):
        prove(z3.And(x + y >= 0, z3.Implies(x < 0, y == 7)), given=[x >= 0, y >= 0], control=x > y)
    assert prove(z3.Implies(x > 1, x * x > x), given=[x >= 0], control=z3.Implies(x > 0, x * x > x)).holds


def test_smt_control_that_holds_is_a_fault() -> None:
    """A broken variant that is as true as the statement shows nothing."""
    assert "control" in (prove(x * x >= 0, control=x * x >= -1).fault or "")


def test_smt_out_of_time_is_undecided() -> None:
    """Neither proved nor refuted; and a control out of time counts as not refuted."""
    many = z3.Reals("a b c d e f")
    powers = z3.Sum([p**5 * q**3 for p in many for q in many])
    goal = powers != z3.Sum([p * q * r for p in many for q in many for r in many]) + 7
    hard = [
        z3.Product(*many) > 3,
        z3.Sum([p**4 for p in many]) < z3.Sum([p * p * q for p in many for q in many]) - 1000,
    ]
    evidence = smt.prove(goal, given=hard, control=("also hard", goal), range="r", complete=True, seconds=0.05)
    assert evidence.holds is None
    assert evidence.fault is not None
    assert "not decided" in evidence.detail


def test_smt_interruption_is_not_swallowed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Z3 takes Ctrl-C for itself; here it ends the run."""
    monkeypatch.setattr(z3.Solver, "check", lambda self, *_: z3.unknown)
    monkeypatch.setattr(z3.Solver, "reason_unknown", lambda self: "interrupted from keyboard")
    with pytest.raises(KeyboardInterrupt):
        prove(x > 0)


def test_smt_vectors_come_back_as_lists() -> None:
    """name[0], name[1] are one list, whole numbers are ints."""
    claim = smt.vector("claim", 2)
    evidence = prove(claim[0] + claim[1] <= 3, given=[claim[0] == 1, claim[1] == z3.Q(5, 2)])
    assert evidence.witness == {"claim": [1, Fraction(5, 2)]}


def test_smt_piecewise_helpers() -> None:
    """Positive part, smaller and larger agree with what they are called."""
    goal = smt.positive_part(x - y) == smt.maximum(x, y) - y
    assert prove(z3.And(goal, smt.minimum(x, y) + smt.maximum(x, y) == x + y)).holds


def test_smt_integers_fall_back_to_the_default_solver() -> None:
    """The nonlinear tactic does not take them."""
    k = z3.Int("k")
    assert prove(2 * k != 1).holds


def binomial(power: int) -> tuple[Any, Any]:
    """(a + b)^power expanded by hand, for powers 1 and 2."""
    a, b = symbolic.positive("a b")
    return (a + b) ** power, [None, a + b, a**2 + 2 * a * b + b**2][power]


def wrong(power: int) -> tuple[Any, Any]:
    """The same with the mixed term forgotten."""
    a, b = symbolic.positive("a b")
    return (a + b) ** power, a**power + b**power


def test_symbolic_identity_holds_in_every_case() -> None:
    """And the control finds the one case in which the broken variant fails."""
    evidence = symbolic.identity(binomial, cases=[1, 2], control=("mixed", wrong), range="powers 1, 2", complete=False)
    assert evidence.holds
    assert evidence.fault is None
    assert evidence.control is not None
    assert evidence.control.witness is not None
    assert evidence.control.witness["case"] == "2"


def test_symbolic_refutes_with_values_that_meet_the_conditions() -> None:
    """The witness respects `given` and is lifted into the claim's terms."""
    evidence = symbolic.identity(
        wrong,
        cases=[2],
        control=("the same", wrong),
        range="r",
        complete=True,
        given=lambda case: [symbolic.positive("a") > 2 * symbolic.positive("b")],
        lift=lambda case, values: {"power": case, "terms": [values["a"], values["b"]]},
    )
    assert evidence.holds is False
    assert evidence.witness is not None
    a, b = evidence.witness["terms"]
    assert a > 2 * b
    assert (a + b) ** 2 != a**2 + b**2


def test_symbolic_sign_of_a_rational_term() -> None:
    """I v / X^2 is nonnegative; a difference is not; a square that hides its sign is undecided."""
    slack, v, a, b = symbolic.positive("slack v a b")
    control = ("a difference", lambda case: a - b)
    options: dict[str, Any] = {"cases": [0], "control": control, "range": "r", "complete": True}
    assert symbolic.nonnegative(lambda case: slack * v / (slack + v) ** 2, **options).holds
    assert symbolic.nonnegative(lambda case: -slack, **options).holds is False
    assert symbolic.nonnegative(lambda case: -slack / (slack + v) - 1, **options).holds is False
    assert symbolic.nonnegative(lambda case: a**2 - 2 * a * b + b**2, **options).holds is None


def test_symbolic_control_that_is_undecided_is_a_fault() -> None:
    """Not refuted is not refuted, whatever the reason."""
    a, b = symbolic.positive("a b")
    control = ("a square", lambda case: a**2 - 2 * a * b + b**2)
    evidence = symbolic.nonnegative(lambda case: a, cases=[0], control=control, range="r", complete=True)
    assert evidence.holds
    assert "control" in (evidence.fault or "")


def test_symbolic_sign_patterns() -> None:
    """All of them, each once."""
    assert len(set(symbolic.sign_patterns(3))) == 8
    assert len(set(symbolic.sign_patterns(2, (-1, 0, 1)))) == 9


def test_grid_counts_and_prints_itself() -> None:
    """Its length is what it yields, and it names its values."""
    grid = exhaustive.Grid(agents=(1, 2), each={"claim": exhaustive.steps(0, 1, 2)}, scalars={"rule": ["a", "b"]})
    assert len(list(grid)) == len(grid) == 2 * (3 + 9)
    assert str(grid) == "claim in {0, 1/2, 1}; rule in {a, b}; 1, 2 agents"


def test_exhaustive_walks_only_what_meets_the_hypotheses() -> None:
    """And says how many that were; none at all is vacuous."""
    grid = exhaustive.Grid(each={"x": [0, 1, 2, 3]})
    control = ("below two", lambda instance: instance["x"][0] < 2)
    options: dict[str, Any] = {"grid": grid, "control": control}
    evidence = exhaustive.check(lambda i: i["x"][0] > 0, hypotheses=[lambda i: i["x"][0] > 0], **options)
    assert evidence.holds
    assert "3 instances meet the hypotheses, of 4" in evidence.range
    assert "vacuous" in (exhaustive.check(lambda i: True, hypotheses=[lambda i: False], **options).fault or "")
    assert exhaustive.check(lambda i: i["x"][0] < 2, **options).witness == {"x": [2]}


def draw(generator: random.Random) -> Instance:
    """Up to three rationals between 0 and 5."""
    return {"x": [sampled.rational(generator, 0, 5) for _ in range(generator.randint(1, 3))]}


@pytest.mark.parametrize("source", [draw, st.fixed_dictionaries({"x": st.lists(st.fractions(0, 5), min_size=1)})])
def test_sampled_refutes_and_never_proves(source: Any) -> None:
    """A counterexample counts; none found is no completeness, and the search can be repeated."""
    options: dict[str, Any] = {
        "control": ("below one", lambda i: sum(i["x"]) < 1),
        "range": "lists",
        "count": 200,
        "seed": 3,
    }
    found = sampled.search(lambda i: sum(i["x"]) < 4, source, **options)
    assert found.holds is False
    assert found.witness == sampled.search(lambda i: sum(i["x"]) < 4, source, **options).witness
    none = sampled.search(lambda i: sum(i["x"]) >= 0, source, **options)
    assert none.holds
    assert not none.complete
    assert none.fault is None


def linear(limit: Any) -> Any:
    """Maximise x + y over a triangle: the optimum is the limit over two, or one."""
    rows = [("capacity", {"x": 2, "y": 2}, "<=", limit)]
    return certified.program({"x": 1, "y": 1}, rows, bounds={"x": (0, 1)})


def test_certified_bound_is_exact() -> None:
    """One third is one third, not a float near it."""
    evidence = certified.bound(
        linear(Fraction(2, 3)), limit=Fraction(1, 3), control=("more capacity", linear(1)), range="triangle"
    )
    assert evidence.holds
    assert evidence.fault is None
    assert "largest value 1/3" in evidence.detail
    missed = certified.bound(
        linear(Fraction(2, 3)), limit=Fraction(333333333, 10**9), control=("more", linear(1)), range="triangle"
    )
    assert missed.holds is False
    assert missed.witness is not None
    assert sum(map(Fraction, missed.witness.values())) == Fraction(1, 3)


def test_certified_enumerates_whole_variables() -> None:
    """The relaxation would reach 1; no whole point exceeds 0. Infeasible branches are proved infeasible."""
    rows = [("joint", {"b": 2, "c": 2}, "<=", 1), ("open", {"x": 1, "b": -1, "c": -1}, "<=", 0)]
    binary = {"b": (0, 1), "c": (0, 1)}
    whole = certified.program({"x": 2}, rows, bounds=binary, whole=["b", "c"])
    relaxed = certified.program({"x": 2}, rows, bounds=binary)
    evidence = certified.bound(whole, control=("fractions allowed", relaxed), range="two switches")
    assert evidence.holds
    assert evidence.fault is None
    unbounded = certified.program({"x": 1}, whole=["x"])
    with pytest.raises(SolveError, match="finite bounds"):
        certified.bound(unbounded, control=("c", relaxed), range="r")


def test_certified_equations_bind_on_both_sides() -> None:
    """x == 1/2 leaves no room below either: -x is at most -1/2."""
    fixed = certified.program({"x": -1}, [("fixed", {"x": 1}, "==", Fraction(1, 2))])
    low = certified.program({"x": -1}, [("floor", {"x": 1}, ">=", Fraction(1, 4))])
    assert certified.bound(fixed, limit=Fraction(-1, 2), control=("a lower floor", low), range="r").holds


def test_certified_does_not_take_infeasibility_on_trust(monkeypatch: pytest.MonkeyPatch) -> None:
    """A branch that the solver wrongly calls infeasible stays open."""
    import mechopt.solver

    true_solve = mechopt.solver.solve

    def mistaken(program: Any, **options: Any) -> Any:
        if program.sense == "max":
            raise mechopt.solver.InfeasibleError("no feasible point", ())
        return true_solve(program, **options)

    monkeypatch.setattr(mechopt.solver, "solve", mistaken)
    evidence = certified.bound(linear(1), limit=1, control=("c", linear(4)), range="r")
    assert evidence.holds is None
    assert "does not confirm" in evidence.detail


def test_certified_unbounded_is_undecided_and_infeasible_is_vacuous() -> None:
    """No bound is no proof; no feasible point is no proof either."""
    control = ("c", linear(1))
    assert certified.bound(certified.program({"x": 1}), control=control, range="r").holds is None
    empty = certified.program({"x": 1}, [("low", {"x": 1}, "<=", 1), ("high", {"x": 1}, ">=", 2)])
    assert "vacuous" in (certified.bound(empty, control=control, range="r").fault or "")
