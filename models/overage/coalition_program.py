"""The best joint deviation of a coalition as a mixed-integer program: F8.

The members choose whole claims up to the bound; their total payoff is L(K) - I_K + z, where z is what slack covers of
their overage, at most X_K and at most I X_K / X. The second bound is a product of choices; one binary for each value of
X_K makes it linear. Independent of the engine's closed form, and open for side constraints: say, a member that must
not claim more than it needs.

Source: lengyel2025, Appendix B; the formulation is ours.
"""

from __future__ import annotations

from typing import Any

import pyomo.environ as pyo

from mechopt import exact
from mechopt.errors import InstanceError
from mechopt.formulation import Formulation
from mechopt.mechanisms.overage import best_deviation
from mechopt.mechanisms.overage.environment import Environment

LARGEST = 5000  # values of the coalition's overage, a binary each


def members_of(environment: Environment, members: int) -> list[int]:
    """The coalition of the first accounts.

    Raises:
        InstanceError: no such coalition, no claim_bound, or amounts that are not whole.
    """
    environment.need_linear("this program")
    if not 1 <= members <= len(environment.account):
        raise InstanceError(f"must be from 1 to {len(environment.account)}, not {members}", key="members")
    if environment.claim_bound is None:
        raise InstanceError("a coalition can gain without limit unless claims are bounded", key="claim_bound")
    numbers = [exact.parse(v) for v in environment.entitlement.tolist()[:members]]
    if not all(isinstance(number, int) for number in [*numbers, environment.claim_bound]):
        raise InstanceError(
            "the program chooses whole claims; the members' entitlements and the claim_bound must be whole",
            key="accounts",
        )
    return list(range(members))


def build(environment: Environment, members: int) -> Any:
    """F8 for the coalition of the first `members` accounts, as a Pyomo model; its optimum is the total payoff."""
    rows = members_of(environment, members)
    held, asked = ([exact.parse(v) for v in c.tolist()] for c in (environment.entitlement, environment.claim))
    bound = int(environment.claim_bound or 0)
    outside = [j for j in range(len(held)) if j not in rows]
    others_overage = exact.as_float(exact.total(max(asked[j] - held[j], 0) for j in outside))  # X_-K
    others_slack = exact.as_float(exact.total(max(held[j] - asked[j], 0) for j in outside))  # I_-K
    most = int(sum(max(bound - held[j], 0) for j in rows))  # the largest X_K
    if most > LARGEST:
        raise InstanceError(f"the coalition's overage may be up to {most}; at most {LARGEST}", key="claim_bound")

    m = pyo.ConcreteModel(name="coalition deviation, F8")
    m.members = pyo.Set(initialize=rows)
    m.totals = pyo.RangeSet(0, most)
    m.claim = pyo.Var(m.members, within=pyo.NonNegativeIntegers, bounds=(0, bound))  # C_i <= M
    m.overage = pyo.Var(m.members, bounds=lambda m, i: (0, max(bound - held[i], 0)))  # v_i
    m.slack = pyo.Var(m.members, bounds=lambda m, i: (0, held[i]))  # s_i
    m.over = pyo.Var(m.members, within=pyo.Binary)  # b_i: i claims more than its entitlement
    m.chosen = pyo.Var(m.totals, within=pyo.Binary)  # X_K = k
    m.covered = pyo.Var(bounds=(0, most))  # z

    m.balance = pyo.Constraint(m.members, rule=lambda m, i: m.claim[i] - held[i] == m.overage[i] - m.slack[i])
    m.only_over = pyo.Constraint(m.members, rule=lambda m, i: m.overage[i] <= max(bound - held[i], 0) * m.over[i])
    m.only_under = pyo.Constraint(m.members, rule=lambda m, i: m.slack[i] <= held[i] * (1 - m.over[i]))
    m.one_value = pyo.Constraint(expr=pyo.quicksum(m.chosen[k] for k in m.totals) == 1)
    own = pyo.quicksum(m.overage[i] for i in m.members)
    lent = pyo.quicksum(m.slack[i] for i in m.members)
    m.total = pyo.Constraint(expr=own == pyo.quicksum(k * m.chosen[k] for k in m.totals))  # X_K
    m.at_most_overage = pyo.Constraint(expr=m.covered <= own)  # z <= X_K
    m.at_most_share = pyo.Constraint(  # z (X_K + X_-K) <= X_K (I_K + I_-K), for the chosen X_K
        m.totals,
        rule=lambda m, k: (
            m.covered * (k + others_overage)
            <= k * (lent + others_slack) + most * (k + others_overage) * (1 - m.chosen[k])
        ),
    )
    m.payoff = pyo.Objective(expr=sum(held[i] for i in rows) - lent + m.covered, sense=pyo.maximize)  # L(K) - I_K + z
    return m


def _engine(environment: Environment, members: int) -> float:
    """The closed form: all members claim the bound."""
    rows = members_of(environment, members)
    found = best_deviation(environment.entitlement, environment.claim, rows, environment.claim_bound or 0)
    return float(sum(found.after.tolist()))


FORMULATIONS = (
    Formulation(
        name="coalition",
        title="F8: the largest total payoff of the first members (whole claims up to the bound)",
        build=build,
        engine=_engine,
        options={"members": 2},
        tolerance=1e-6,
    ),
)
