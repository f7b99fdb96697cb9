"""Which variant of the mechanism runs, and with which parameters. Source: chassang2021, Sections 3 to 7, Appendix A."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal, get_args

from mechopt import exact
from mechopt.errors import InstanceError
from mechopt.mechanisms.limited_liability.response import Limits

Variant = Literal["pivot", "baseline", "strategic", "consistent", "discounted", "bounded_values", "exploration"]
Payment = Literal["output", "debt"]
Counterfactuals = Literal["reported", "sealed", "verified"]
Propensity = Literal["action", "group"]

SMOOTHED: tuple[Variant, ...] = ("consistent", "discounted")
REALISED_ONLY: tuple[Variant, ...] = ("bounded_values", "exploration")  # only outputs of the decision taken are used
DEFAULT_EXPONENT = Fraction(1, 3)  # balances max(1 - a, (1 + a)/2), the rate of `bounds.exploration`


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The parameters of the online mechanism; nothing here depends on the data.

    Attributes:
        variant: pivot (Section 3), baseline (4), strategic (5), consistent (6), discounted (7), bounded_values
            (Appendix A.1) or exploration (Appendix A.2).
        agents: n, at least 1.
        discount: delta in (0, 1) of the discounted variant, exact; else None.
        exploration_exponent: a in (0, 1) of nu_t = t^-a, exact. The paper allows a < 1/2.
        payment: "output" pays the whole output while there is debt, eq. (9); "debt" at most the debt, footnote 9.
        use_regret_b: Appendix A.1 with the regret R^B as printed; without it nobody is weighted 0 who owes nothing.
        propensity: exploration divides by the probability of the decision ("action") or of the group ("group", as
            printed).
        counterfactuals: strategic variant: how reported outputs of decisions not taken are disciplined.
        limits: on the probabilities of groups, or None; Sections 4 to 7, floats only.
    """

    variant: Variant
    agents: int
    discount: Fraction | None = None
    exploration_exponent: Fraction = DEFAULT_EXPONENT
    payment: Payment = "output"
    use_regret_b: bool = True
    propensity: Propensity = "action"
    counterfactuals: Counterfactuals = "reported"
    limits: Limits | None = None

    def __post_init__(self) -> None:
        for name, kind in (
            ("variant", Variant),
            ("payment", Payment),
            ("propensity", Propensity),
            ("counterfactuals", Counterfactuals),
        ):
            if getattr(self, name) not in get_args(kind):
                allowed = ", ".join(get_args(kind))
                raise InstanceError(f"{getattr(self, name)!r} is not allowed; choose from {allowed}", key=name)
        if self.agents < 1:
            raise InstanceError("at least one agent is needed", key="values")
        self._interval("discount")
        self._interval("exploration_exponent")
        if self.variant == "discounted" and self.discount is None:
            raise InstanceError("is missing; the discounted variant needs a number in (0, 1)", key="discount")
        if self.payment == "debt" and self.variant in ("pivot", "bounded_values"):
            raise InstanceError(f'"debt" (footnote 9) has no meaning in the {self.variant} variant', key="payment")

        if self.limits is not None:
            if self.variant in ("pivot", *REALISED_ONLY):
                raise InstanceError(f"limits have no meaning in the {self.variant} variant", key="response")
            if len(self.limits.exclusion_caps) not in (0, self.agents):
                given = len(self.limits.exclusion_caps)
                raise InstanceError(f"{given} caps for {self.agents} agents", key="response.exclusion_caps")

    def _interval(self, name: str) -> None:
        value: Any = getattr(self, name)
        if value is None:
            return
        try:
            number = Fraction(exact.parse(value))
        except ValueError as error:
            raise InstanceError(str(error), key=name) from None
        if not 0 < number < 1:
            raise InstanceError(f"must lie strictly between 0 and 1, not {exact.show(value)}", key=name)
        object.__setattr__(self, name, number)

    @property
    def smoothed(self) -> bool:
        """Whether externalities are smoothed by lambda, Sections 6 and 7."""
        return self.variant in SMOOTHED

    @property
    def realised_only(self) -> bool:
        """Whether only the outputs of the decision taken are used, Appendix A."""
        return self.variant in REALISED_ONLY

    @property
    def unsafe(self) -> bool:
        """Whether truth-telling is not protected: Proposition 3 is false as printed, see `attack`."""
        return self.variant == "strategic" and self.counterfactuals == "reported"
