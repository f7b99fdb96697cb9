"""Everything that is computed of a forward market, each part when it is first asked for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from mechopt.mechanisms.forward_market.anticipated import Anticipated, prospect_of
from mechopt.mechanisms.forward_market.environment import Environment
from mechopt.mechanisms.forward_market.forward import Forward
from mechopt.mechanisms.forward_market.market import Market
from mechopt.mechanisms.forward_market.polynomial import ExactMarket, exact_market
from mechopt.mechanisms.forward_market.schedule import Design, Programs
from mechopt.mechanisms.forward_market.settlement import BalanceCertificate, Settlement, balance_certificate, settle


@dataclass(frozen=True, kw_only=True, eq=False)
class Solved:
    """Everything `run` reports, computed when it is asked for.

    Attributes:
        environment: the instance.
    """

    environment: Environment

    @cached_property
    def market(self) -> Market:
        """The spot market at the document's demands."""
        return self.prospect if isinstance(self.prospect, Market) else Market(self.environment)

    @cached_property
    def prospect(self) -> Anticipated | Market:
        """What agents trade on in the forward market: that spot market, or the states they anticipate."""
        return prospect_of(self.environment)

    @cached_property
    def exact(self) -> ExactMarket | None:
        """The spot market in rational arithmetic, where it has one; no mean over states has."""
        return None if self.environment.anticipated else exact_market(self.environment)

    @cached_property
    def design(self) -> Design:
        """The tariff of least subsidy."""
        return Programs(self.prospect).least_subsidy()

    @property
    def few(self) -> bool:
        """Whether the designed tariff is the best of all, not only of those on coarser knots."""
        return Programs.all_knots(self.prospect)

    @cached_property
    def forward(self) -> Forward:
        """The forward market at r*, under the document's tariff, or the one of least subsidy."""
        return Forward(self.prospect, self.environment.tariff or self.design.tariff)

    @cached_property
    def settlement(self) -> Settlement:
        """All payments."""
        return settle(self.prospect, self.forward)

    @cached_property
    def certificate(self) -> BalanceCertificate:
        """Why the forward market does not balance by itself."""
        return balance_certificate(self.prospect)

    @cached_property
    def surplus_at_endowment(self) -> float:
        """Pi_e."""
        return self.prospect.surplus(self.environment.endowments)

    @cached_property
    def surplus_sign(self) -> int | None:
        """The sign of Pi_e, exactly where floats cannot tell; None where nothing can. Of states the worst one's."""
        if isinstance(self.prospect, Anticipated):
            least = float(self.prospect.surpluses(self.environment.endowments).min())
            return None if abs(least) <= self.prospect.error else 1 if least > 0 else -1
        if abs(self.surplus_at_endowment) > self.prospect.error:
            return 1 if self.surplus_at_endowment > 0 else -1
        if self.exact is None:
            return None
        found = self.exact.surplus(self.environment.endowment)
        if found.low == found.high == 0:
            return 0
        return 1 if found.low > 0 else -1 if found.high < 0 else None
