"""Certified epsilon: how much a unilateral deviation from the truth can gain a period, from explicit constants.

Every bound is the sum of what the deviation can gain over, and the truth can fall short of, the pivot payoff, divided
by the horizon. n agents, y_max = 1 below; C = n^3 + 1 is the largest squared length of one step of the regrets (the
paper uses (n + 1)^3), and footnote 9 adds n/2 because <R+, dR> can reach n/4.

* baseline: deviation R_i <= sqrt(C N); truth R^I <= sqrt(C N) and E R_i >= -n sqrt(N).
* consistent: R_i, R^I <= sqrt(C N); R_1i, R_2i <= (n - 1) sqrt(N); R_i >= -1 - (n - 1) sqrt(N); each twice.
* discounted: the same with 1/sqrt(1 - delta^2) for sqrt(N). Present values by Abel summation (in place of Lemmas B.4
  and B.5, whose hypothesis no constant sequence satisfies): sup P <= (1 + delta) sup R+ for running maxima,
  (1 + delta) sup S+ + delta sup S- for sums.
* bounded_values: R_v in [-1, n - 1], R_A >= -1, E sum(1 - lambda) <= 2 kappa sqrt(N), kappa = y_max / v_floor (1
  in place of 2 without R^B).
* exploration: approachability on the estimated regrets. E|R+|^2 grows by 2 nu sqrt(C) E|R+| + B_t, B_t the second
  moment of one step, so that E|R+| <= sqrt(C) sum nu + sqrt(sum B); true and estimated regrets have equal means.

Source: chassang2021, proofs of Propositions 1 to 5, A.1 and A.2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

from mechopt import exact
from mechopt.mechanisms.limited_liability.rules import Rules

LONGEST = 10**30  # periods; beyond, no operator will wait


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """A certified epsilon.

    Attributes:
        epsilon: most that a unilateral deviation gains a period, in units of output.
        regret: bound on every positive regret at the horizon, in units of output; inf where there is none.
        paper: the same with the paper's constants; None where its proof has no finite one.
        detail: which result, in one line.
        trivial: whether epsilon is only the largest output, which bounds every payoff.
    """

    epsilon: float
    regret: float
    paper: float | None
    detail: str
    trivial: bool = False


def vacuous(bound: Bound, output_bound: Fraction | float) -> str | None:
    """What to say of an epsilon that promises nothing, since no payoff is above the largest output; else None."""
    if bound.trivial:
        return f"epsilon_certified is {bound.detail}"
    if bound.epsilon >= output_bound:
        return (
            f"epsilon_certified is {bound.epsilon:.4g}, but no payoff is above {exact.show(output_bound)}: nothing is "
            "certified; `design` finds the horizon, or the discount, that it takes"
        )
    return None


def step_constant(rules: Rules, *, printed: bool = False) -> float:
    """C with |dR|^2 + 2 <R+, dR> <= C y_max^2: n^3 + 1, plus n/2 under footnote 9; (n + 1)^3 as printed."""
    agents = rules.agents
    base = (agents + 1) ** 3 if printed else agents**3 + 1
    return base + (agents / 2 if rules.payment == "debt" else 0.0)


def certified(
    rules: Rules,
    periods: int,
    *,
    output_bound: float = 1.0,
    value_floor: float | None = None,
    gap: float = 0.0,
    gap_factor: int = 2,
) -> Bound:
    """The certified epsilon of a variant.

    Args:
        rules: the variant.
        periods: N, at least 1; the discounted variant does not use it.
        output_bound: y_max.
        value_floor: v of Assumption A.1, for bounded_values.
        gap: absolute optimality gap of the groups' decisions, in units of output.
        gap_factor: what the gap costs: 2, or 3 where the choice for I\\i may depend on what i states.
    """
    gap = gap_factor * gap
    if rules.variant == "pivot":
        return Bound(epsilon=gap, regret=math.inf, paper=0.0, detail="Proposition 1: truth is dominant a period")
    if rules.limits is not None:
        return Bound(
            epsilon=output_bound, regret=math.inf, paper=None, trivial=True,
            detail="no bound but the largest output: limits on the response can let regrets grow; see response_excess",
        )  # fmt: skip
    if rules.unsafe:
        return Bound(
            epsilon=output_bound, regret=output_bound * math.sqrt(step_constant(rules) * periods), paper=None,
            detail="no bound but the largest output: Proposition 3 is false where reported counterfactual outputs are "
            "neither verified nor sealed before the draw", trivial=True,
        )  # fmt: skip
    if rules.variant in ("baseline", "strategic"):
        return _baseline(rules, periods, output_bound, gap)
    if rules.variant == "consistent":
        return _consistent(rules, periods, output_bound, gap)
    if rules.variant == "discounted":
        return _discounted(rules, output_bound, gap)
    if rules.variant == "bounded_values":
        return _bounded_values(rules, periods, output_bound, value_floor, gap)
    return _exploration(rules, periods, output_bound, gap)


def _baseline(rules: Rules, periods: int, bound: float, gap: float) -> Bound:
    agents, root = rules.agents, math.sqrt(periods)
    sharp, printed = (2 * math.sqrt(step_constant(rules, printed=flag)) + agents for flag in (False, True))
    label = (
        "Proposition 2"
        if rules.variant == "baseline"
        else "Proposition 3, reports independent of the draw and honoured"
    )
    return Bound(
        epsilon=bound * sharp / root + gap,
        regret=bound * math.sqrt(step_constant(rules) * periods),
        paper=bound * printed / root + gap,
        detail=f"{label}: (2 sqrt(C) + n) y_max / sqrt(N), C = {step_constant(rules):g}",
    )


def _consistent(rules: Rules, periods: int, bound: float, gap: float) -> Bound:
    agents, root = rules.agents, math.sqrt(periods)
    sharp, printed = (3 * math.sqrt(step_constant(rules, printed=flag)) + 3 * (agents - 1) for flag in (False, True))
    return Bound(
        epsilon=bound * (sharp / root + 2 / periods) + gap,
        regret=bound * math.sqrt(step_constant(rules) * periods),
        paper=bound * (printed / root + 2 / periods) + gap,
        detail=f"Proposition 4: (3 sqrt(C) + 3(n - 1)) y_max / sqrt(N) + 2 y_max / N, C = {step_constant(rules):g}",
    )


def _discounted(rules: Rules, bound: float, gap: float) -> Bound:
    if rules.discount is None:
        raise ValueError("there is no discount")
    patience = float(1 - rules.discount)
    delta = float(rules.discount)
    spread = 1.0 / math.sqrt(patience * (1.0 + delta))  # 1 / sqrt(1 - delta^2)
    running = (rules.agents - 1) * spread
    above, below = math.sqrt(step_constant(rules)) * spread, 1.0 + running
    cost = (1 + delta) * running + (1 + 2 * delta) * (above + below) + (1 + delta) * above
    return Bound(
        epsilon=bound * patience * cost + gap,
        regret=bound * above,
        paper=None,
        detail="Proposition 5 by Abel summation: (1 - delta) [(2 + 3 delta)(sqrt(C) + n - 1) / sqrt(1 - delta^2) + 1 + "
        f"2 delta] y_max, C = {step_constant(rules):g}",
    )


def _bounded_values(rules: Rules, periods: int, bound: float, floor: float | None, gap: float) -> Bound:
    if not floor or floor <= 0:
        return Bound(
            epsilon=bound, regret=bound * rules.agents, paper=None, trivial=True,
            detail="no bound but the largest output: a stated value is 0, which Assumption A.1 excludes",
        )  # fmt: skip
    if gap > 0:
        return Bound(
            epsilon=bound, regret=math.inf, paper=None, trivial=True,
            detail="no bound but the largest output: Appendix A.1 needs optimal decisions (gap 0)",
        )  # fmt: skip
    agents, kappa = rules.agents, bound / floor
    factor = 2 if rules.use_regret_b else 1
    slope = 1 + factor * (2 * agents - 1) * kappa
    epsilon = bound * ((agents + 1) / periods + slope / math.sqrt(periods))
    return Bound(
        epsilon=epsilon, regret=bound * agents, paper=None,
        detail=f"Proposition A.1: (n + 1) y_max / N + (1 + {factor}(2n - 1) kappa) y_max / sqrt(N), "
        f"kappa = {kappa:.6g}",
    )  # fmt: skip


def exploration_regrets(rules: Rules, periods: int) -> tuple[float, float]:
    """Bounds on E|R+| and on E R_i^- of Appendix A.2 at the horizon, y_max = 1.

    Sums over periods are bounded by integrals: sum t^-a <= 1 + (N^(1-a) - 1)/(1 - a), and sum t^a <= ((N + 1)^(1+a)
    - 1)/(1 + a). With p_t = nu_t/(n + 1), the least probability of a group, one step has second moments at most
    n^2 (1/p - 1) for R^I and (n - 1)^2 (1 - p)^2/p + p + (1 - p) n^2 for R_i; the terms in p,
    2(1 - n) p <= 0 in the sum for R_i, are dropped.
    """
    agents, power = rules.agents, float(rules.exploration_exponent)
    rates = 1.0 + (periods ** (1.0 - power) - 1.0) / (1.0 - power)
    inverse = (agents + 1) * ((periods + 1.0) ** (1.0 + power) - 1.0) / (1.0 + power)
    own = max(0.0, (agents - 1) ** 2 * (inverse - 2 * periods) + agents**2 * periods)
    moments = agents**2 * (inverse - periods) + agents * own
    if rules.payment == "debt":
        moments += periods * agents / 2
    base = agents**3 + 1
    return math.sqrt(base) * rates + math.sqrt(moments), math.sqrt(own)


def _exploration(rules: Rules, periods: int, bound: float, gap: float) -> Bound:
    above, below = exploration_regrets(rules, periods)
    return Bound(
        epsilon=bound * (2 * above + below) / periods + gap, regret=math.inf, paper=None,
        detail="Proposition A.2 with approachability on the estimated regrets: (2 E|R+| + E R_i^-) / N, "
        f"exponent {rules.exploration_exponent}",
    )  # fmt: skip
