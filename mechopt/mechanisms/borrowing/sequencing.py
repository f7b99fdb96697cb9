"""The order of a queue by the quickest method with a proof, and what each agent receives for it.

With n agents the two-stage rule is T_i = sum_{j != i} u_j + h, so that everybody's utility is the welfare plus h.
Source: zheng2023, Section 12 (more agents, release times); Mezzetti 2004 for the two-stage rule.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

from mechopt.errors import InstanceError
from mechopt.mechanisms.borrowing import closed_forms, labels, longest_path, subset_dp, time_indexed
from mechopt.mechanisms.borrowing.environment import Environment
from mechopt.mechanisms.borrowing.orders import Order, Problem

SETS = 20  # jobs that tables of sets take in about a second


def best_order(problem: Problem, *, method: str | None = None) -> Order:
    """The efficient order, with its proof.

    Args:
        problem: the queue.
        method: one of `orders.METHODS`; None takes the queue's, else the quickest that applies.

    Raises:
        InstanceError: the method that is asked for would solve another queue.
        SolveError: no method with a proof applies.
    """
    method = method or problem.queue.method
    if method is not None:
        found = SOLVERS[method](problem) if _fits(method, problem) else None
        if found is None:
            raise InstanceError(f"{method} does not apply to this queue; leave it out for the quickest that does",
                                key="sequence.method")  # fmt: skip
        return found
    if problem.queue.inserted_idle:
        return labels.solve_idle(problem)
    if not problem.plain:
        return labels.solve(problem) if len(problem) <= labels.LARGEST else time_indexed.solve(problem)
    for quick in (closed_forms.smith, closed_forms.shortest_first, closed_forms.assignment):
        found = quick(problem)
        if found is not None:
            return found
    if len(problem) <= SETS:
        return subset_dp.solve(problem)[0]
    return time_indexed.solve(problem)


def _fits(method: str, problem: Problem) -> bool:
    """Whether a method takes releases, separations and idle time as the queue has them."""
    idle, gaps = problem.queue.inserted_idle, bool(problem.queue.separation)
    needs = {
        "subset_dp": problem.plain, "longest_path": problem.plain, "labels": not idle, "idle_grid": idle and not gaps,
        "time_indexed": not idle and not gaps,
    }  # fmt: skip
    return needs.get(method, True)


SOLVERS: dict[str, Callable[[Problem], Order | None]] = {
    "smith": closed_forms.smith,
    "shortest_first": closed_forms.shortest_first,
    "assignment": closed_forms.assignment,
    "subset_dp": lambda problem: subset_dp.solve(problem)[0],
    "longest_path": longest_path.solve,
    "labels": labels.solve,
    "idle_grid": labels.solve_idle,
    "time_indexed": time_indexed.solve,
}


def welfare_without(problem: Problem, order: Order) -> Callable[[int], Fraction]:
    """W*_{-i} of each agent: the best welfare of the others, proven like the order itself."""
    if order.method == "subset_dp":  # the table of sets has them all
        _, best, scale = subset_dp.solve(problem)
        whole = len(best) - 1
        return lambda agent: Fraction(int(best[whole ^ (1 << agent)]), scale)
    return lambda agent: best_order(problem.without(agent)).welfare if len(problem) > 1 else Fraction(0)


def transfers(
    environment: Environment,
    payoffs: list[Fraction],
    without: Callable[[int], Fraction] | None,
    problem: Problem | None,
    *,
    constant: Any = None,
    charges: Sequence[Fraction] = (),
) -> list[Any]:
    """What each agent receives, by the number of the job as given.

    Args:
        environment: the design, and its constant or shares.
        payoffs: u_i of the efficient order.
        without: W*_{-i} of an agent, for the pivot design.
        problem: the queue; None for aircraft.
        constant: that balances the design's budget, where there are beliefs.
        charges: h_i of the minimum-variance design, where there are beliefs.

    Raises:
        InstanceError: the design needs something that is not there.
    """
    count, welfare = len(payoffs), sum(payoffs, Fraction(0))
    if environment.design == "one_stage":
        shares = environment.shares or tuple(Fraction(int(k == count - 1)) for k in range(count))
        if len(shares) != count:
            raise InstanceError(f"{len(shares)} shares for {count} jobs", key="shares")
        return [share * welfare - payoff for share, payoff in zip(shares, payoffs, strict=True)]
    if environment.design == "balanced":
        return _balanced(payoffs, problem)
    asked = environment.constant
    if asked == "printed" or (asked == "balanced" and constant is None):
        reason = "eq. (7.3) is for two agents" if asked == "printed" else "needs beliefs ([[sequence.beliefs]])"
        raise InstanceError(reason, key="constant")
    added = constant if asked == "balanced" else Fraction(asked or 0)
    if environment.design == "minimum_variance":
        if not charges:
            raise InstanceError("minimum_variance needs beliefs ([[sequence.beliefs]])", key="design")
        return [welfare - payoffs[i] + charges[i] + added for i in range(count)]
    if environment.design == "pivot" and without is not None:
        return [welfare - payoffs[i] - without(i) + added for i in range(count)]
    return [welfare - payoffs[i] + added for i in range(count)]


def _balanced(payoffs: list[Fraction], problem: Problem | None) -> list[Fraction]:
    """The ex-post balanced and efficient rule for three or more agents with affine values, without releases.

    W* = sum v_i(r + t_i) - sum_{i<j} min(b_i t_j, b_j t_i) has no part that all n types move together, so what the
    others report about themselves and each other can pay for it:
    T_k = sum_{j != k} u_j - sum_{i != k} v_i(t_i) + (n - 1)/(n - 2) sum_{i<j; i, j != k} min(b_i t_j, b_j t_i).
    """
    count = len(payoffs)
    if problem is None or count < 3 or not problem.plain:
        raise InstanceError("the balanced rule is for three or more jobs that are ready together", key="design")
    lines = [function.affine for function in problem.functions]
    if any(line is None for line in lines):
        raise InstanceError("the balanced rule needs affine values (a - b t)", key="design")
    slope = [line[1] for line in lines if line is not None]
    time = [job.duration for job in problem.jobs]
    alone = [problem.worth(i, problem.begin + time[i]) for i in range(count)]
    loss = [[min(slope[i] * time[j], slope[j] * time[i]) for j in range(count)] for i in range(count)]
    share = Fraction(count - 1, count - 2)
    welfare = sum(payoffs, Fraction(0))
    result = []
    for k in range(count):
        others = [i for i in range(count) if i != k]
        between = sum((loss[i][j] for i in others for j in others if i < j), Fraction(0))
        result.append(welfare - payoffs[k] - sum((alone[i] for i in others), Fraction(0)) + share * between)
    return result


def release_threshold(first: tuple[Fraction, Fraction], second: tuple[Fraction, Fraction]) -> Fraction | None:
    """Two trucks with values a - b t, the second arriving later: hold the resource for it iff it comes before this.

    Args:
        first: (b1, t1) of the truck that is there.
        second: (b2, t2) of the one that comes.

    Returns:
        (b2 t1 - b1 t2) / (b1 + b2), where a negative number means never; None where neither minds waiting. Once the
        first truck would be done, there is nothing to hold it for: the threshold is at most t1.

    Source: answers Section 12's question about a truck that arrives epsilon later.
    """
    (b1, t1), (b2, t2) = first, second
    return None if b1 + b2 <= 0 else min(t1, (b2 * t1 - b1 * t2) / (b1 + b2))
