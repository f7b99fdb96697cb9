"""Equation (10): interim payments by payoff equivalence."""

from mechopt import catalog
from mechopt.claims import claim
from mechopt.evidence import Evidence, smt

market = catalog.beside(__file__, "_market")
forward = catalog.beside(__file__, "_pair")


@claim(
    paper="liu2020",
    label="Equation (10)",
    statement="t_{r,i}(theta_i) = q_i theta_i - integral of q_i from hat_i(r_i) to theta_i - hat_i(r_i) r_i",
    reading="""For every incentive compatible mechanism with the efficient allocation whose individual rationality
        binds at hat_i, and min(r_i, k_i) for r_i.""",
    hypotheses=[market.scarce, market.laws, market.holdings],
    proof="Payoff equivalence: U(theta) - U(hat) is the integral of q_i; U(hat) = hat min(r_i, k_i); U = q theta - t.",
    expected="proved",
)
def interim_payment() -> Evidence:
    """By Z3."""
    import z3

    q, theta, t, area, hat, held = z3.Reals("q theta t area hat held")
    return smt.prove(
        t == q * theta - area - hat * held,
        given=[q * theta - t == hat * held + area, held >= 0],
        control=("without the outside option", t == q * theta - area),
        range="every number of agents, all distributions, demands and holdings: one type of one agent",
        complete=True,
        lift=market.example(),
    )
