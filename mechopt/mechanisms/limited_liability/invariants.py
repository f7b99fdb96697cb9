"""What holds at every period whatever is reported: approachability, what follows from it, and the ranges of regrets.

Source: chassang2021, eqs. (6), (14)-(17), (20), Lemma A.1.
"""

from __future__ import annotations

import numpy as np

from mechopt.finding import Finding
from mechopt.mechanisms.limited_liability import audit
from mechopt.mechanisms.limited_liability.audit import Books
from mechopt.mechanisms.limited_liability.bounds import step_constant
from mechopt.mechanisms.limited_liability.environment import Environment
from mechopt.mechanisms.limited_liability.findings import tolerance, worst


def approachability(environment: Environment, books: Books) -> list[Finding]:
    """(6) at every period, and what follows from it: |R+|^2 is at most the sum of squared steps, and at most C T."""
    rules, table = environment.rules, books.table
    gap, externality = audit.marginal(books)
    if rules.smoothed:
        externality = table["lambda"] * externality
    step = np.column_stack([gap, externality - table["expected_transfer"]])
    regret = np.column_stack([table["regret_allocation"], table["regret_transfer"]])
    earlier = np.maximum(audit.before(regret), 0.0)
    slack = np.full(len(step), rules.agents / 4 * books.bound**2 if rules.payment == "debt" else 0.0)
    if rules.limits is not None:
        slack = slack + audit.excess(environment, books)
    inner = slack - np.einsum("tk,tk->t", earlier, step)
    fade = float(rules.discount) if rules.variant == "discounted" and rules.discount is not None else 1.0
    squared = (np.maximum(regret, 0.0) ** 2).sum(axis=1)
    steps = audit.faded_sum((step**2).sum(axis=1) + 2 * slack, fade**2)
    ones = audit.faded_sum(np.ones(len(squared)), fade**2)
    limit = step_constant(rules) * books.bound**2 * ones
    if rules.limits is not None:
        limit = limit + audit.faded_sum(2 * audit.excess(environment, books), fade**2)
    size = float(squared.max()) + float(steps.max())
    rounding = 1e-9 if environment.ledger == "float" else rules.agents**2 * 2.0**-30
    allowed = rounding * max(1.0, float(np.sqrt(squared.max())), size)
    return [
        worst("approachability", inner, allowed, "<R+, dR> at most 0, eqs. (6) and (20), at every period"
               + ("; at most n y_max^2 / 4 under footnote 9" if rules.payment == "debt" else "")
               + ("; at most response_excess under limits" if rules.limits is not None else ""), environment),
        worst("regret_growth", steps - squared, allowed * len(squared),
               "|R+|^2 against the sum of squared steps so far", environment, squared=squared, steps=steps),
        worst("regret_bound", limit - squared, allowed * len(squared),
               f"|R+|^2 against C T y_max^2, C = {step_constant(rules):g} (the paper: {(rules.agents + 1) ** 3})",
               environment, squared=squared, bound=limit),
    ]  # fmt: skip


def ranges(environment: Environment, books: Books) -> list[Finding]:
    """Ranges that hold pathwise, whatever is reported: (14), (15), (17); Lemma A.1."""
    rules, table, bound = environment.rules, books.table, books.bound
    agents, allowed = rules.agents, tolerance(environment, books)
    if rules.smoothed:
        fade = float(rules.discount) if rules.variant == "discounted" and rules.discount is not None else 1.0
        root = np.sqrt(audit.faded_sum(np.ones(len(books.group)), fade**2))[:, None]
        limit = (agents - 1) * bound * root
        return [
            worst("smoothing_bound", limit - np.hypot(np.maximum(table["regret_1"], 0), np.maximum(
                table["regret_2"], 0)), allowed, "(14), (15): R1+^2 + R2+^2 at most (n - 1)^2 T y_max^2", environment),
            worst("transfer_regret_below", table["regret_transfer"] + bound + limit, allowed,
                   "(17): R_i at least -y_max - (n - 1) sqrt(T) y_max", environment),
        ]  # fmt: skip
    if rules.variant != "bounded_values":
        return []
    value, held = table["regret_value"], table["regret_a"]
    found = [
        worst("value_regret_range", np.minimum(value + bound, (agents - 1) * bound - value), allowed,
               "(A.5): R^v in [-y_max, (n - 1) y_max]", environment),
        worst("held_regret_below", held + bound, allowed, "(A.3): R^A at least -y_max", environment),
        worst("transfer_regret_above", agents * bound - table["regret_transfer"], allowed,
               "(A.6): R^tau at most n y_max", environment),
    ]  # fmt: skip
    if rules.use_regret_b:
        found.append(worst("idle_regret_below", table["regret_b"] + bound, allowed, "(A.4): R^B at least -y_max",
                            environment))  # fmt: skip
    return found
