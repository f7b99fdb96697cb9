"""One clearing period as data: who may use how much, and who claims how much."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mechopt import exact
from mechopt.errors import InstanceError
from mechopt.instance import Common, Document
from mechopt.mechanisms.overage.clearing import RULES, TIES, WEIGHTED_RULES, Rule, Tie, as_float, scaled_weights
from mechopt.mechanisms.overage.network import Network, from_document as network_of

Rounding = Literal["none", "largest_remainder", "cumulative", "jefferson", "webster", "adams"]
Number = int | Fraction


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Environment:
    """Entitlements and claims of one clearing period, and the rule that settles them.

    Attributes:
        account: a distinct name each, shape (accounts,).
        entitlement: L_j >= 0, units, shape (accounts,): int64, float64 or objects (int, Fraction).
        claim: C_j >= 0, units, shape (accounts,).
        rule: "linear", "power", "capped_power", "rebate" or a claims rule; see `clearing.clear`.
        alpha: exponent of the power rules, > 0.
        tie: the branch of eq. (3) at X = I.
        weight: w_j > 0, shape (accounts,), for the claims rules that take weights; None for equal ones.
        rounding: "none", or how whole units are dealt out.
        arithmetic: "float" or "exact".
        claim_bound: M, units; None where claims are not bounded.
        penalty: money per unit of residual overage; None where there is none.
        units: what a unit is, for tables and plots.
        network: pools of slack and who may draw on which; None where everybody may draw on all of it.
    """

    account: list[str]
    entitlement: NDArray[Any]
    claim: NDArray[Any]
    rule: Rule = "linear"
    alpha: Number = 1
    tie: Tie = "max"
    weight: NDArray[Any] | None = None
    rounding: Rounding = "none"
    arithmetic: Literal["float", "exact"] = "float"
    claim_bound: Number | None = None
    penalty: Number | None = None
    units: str = ""
    network: Network | None = None

    def __post_init__(self) -> None:
        for name, allowed in (("rule", RULES), ("tie", TIES)):
            if getattr(self, name) not in allowed:
                raise InstanceError(f"choose from {', '.join(allowed)}", key=name)
        if not (len(self.account) == len(self.entitlement) == len(self.claim) > 0):
            raise InstanceError("account, entitlement and claim need one equal length, at least 1", key="accounts")
        if self.alpha <= 0:
            raise InstanceError(f"must be above 0, not {self.alpha}", key="alpha")
        for name in ("entitlement", "claim"):
            array = getattr(self, name)
            self._check(name, array)
            array = array.view()
            array.flags.writeable = False
            object.__setattr__(self, name, array)
        if self.weight is not None:
            self._check_weights(self.weight)
        if self.penalty is not None and self.arithmetic == "float" and self.rounding == "none":
            charge = exact.as_float(self.penalty) * float(as_float(self.claim).max()) * len(self.claim)
            if not np.isfinite(charge):
                raise InstanceError('the penalties are too large for floats; use arithmetic = "exact"', key="penalty")
        if self.rounding not in ("none", "largest_remainder", "cumulative") and self.rule not in ("linear", "rebate"):
            raise InstanceError(
                f"{self.rounding} deals out by overage and fits the linear and rebate rules only; "
                f"with rule = {self.rule!r} use largest_remainder or cumulative",
                key="rounding",
            )

        if self.network is not None and (self.rule != "linear" or self.rounding != "none"):
            raise InstanceError('a network is cleared with rule = "linear" and rounding = "none"', key="pools")
        if self.network is not None:
            self.in_floats()  # programs are solved in floats, and proven in fractions

    @property
    def sharing(self) -> dict[str, Any]:
        """How slack is shared, as keywords of `clearing.clear`."""
        return {"rule": self.rule, "alpha": self.alpha, "tie": self.tie, "weight": self.weight}

    def in_floats(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Entitlements and claims in floats, for draws and programs.

        Raises:
            InstanceError: one is too large.
        """
        columns = as_float(self.entitlement), as_float(self.claim)
        for name, column in zip(("entitlement", "claim"), columns, strict=True):
            with np.errstate(over="ignore"):
                if not np.isfinite(column.sum() * 4):
                    problem = "the total is too large for floats, in which draws are taken and programs solved"
                    raise InstanceError(problem, key=f"accounts.{name}")
        return columns

    def need_equal_weights(self, what: str) -> None:
        """Refuse an analysis that regroups accounts: nobody says which weight a new group has.

        Raises:
            InstanceError: the environment has weights.
        """
        if self.weight is not None:
            raise InstanceError(f"{what} regroups accounts; with weights nobody knows the group's", key="weights")

    def need_one_pool(self, what: str) -> None:
        """Refuse an analysis that knows nothing of networks: its answer would be that of another mechanism.

        Raises:
            InstanceError: the environment has pools.
        """
        if self.network is not None:
            raise InstanceError(f"{what} knows one pool of slack for all, not networks", key="pools")

    def need_linear(self, what: str) -> None:
        """Refuse an analysis of the linear rule (or rebate, or a power of 1) where another rule is on, or a network.

        Raises:
            InstanceError: another rule is on.
        """
        self.need_one_pool(what)
        if self.rule not in ("linear", "rebate") and not (self.rule in ("power", "capped_power") and self.alpha == 1):
            raise InstanceError(f"{what} is of the linear rule, not of {self.rule}", key="rule")

    def _check_weights(self, weight: NDArray[Any]) -> None:
        if self.rule not in WEIGHTED_RULES:
            raise InstanceError(f"rule = {self.rule!r} takes no weights; {', '.join(WEIGHTED_RULES)} do", key="weights")
        if weight.shape != (len(self.account),):
            raise InstanceError(f"{weight.size} weights for {len(self.account)} accounts", key="weights")
        for row, value in enumerate(weight.tolist(), 1):
            if not 0 < value < float("inf"):
                raise InstanceError(f"must be above 0 and finite, not {exact.show(value)}", key="weights", row=row)
        if self.arithmetic == "float" and self.rounding == "none":
            scaled_weights(weight)  # refuses what floats cannot tell apart
        weight = weight.view()
        weight.flags.writeable = False
        object.__setattr__(self, "weight", weight)

    def _check(self, name: str, array: NDArray[Any]) -> None:
        """Finite, not negative, whole where units are dealt out, and small enough for the arithmetic."""
        key = f"accounts.{name}"
        if array.ndim != 1 or array.dtype.kind not in "iufO":
            raise InstanceError("a flat column of numbers is needed", key=key)
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise InstanceError("must be finite", key=key, row=int((~np.isfinite(array)).argmax()) + 1)
        if (array < 0).any():
            row = int((array < 0).argmax())
            raise InstanceError(f"must be at least 0, not {exact.show(array[row])}", key=key, row=row + 1)
        if self.rounding != "none" and exact.integers(array) is None:
            for row, value in enumerate(array.tolist(), 1):
                if not isinstance(exact.parse(value), int):
                    raise InstanceError(
                        f"rounding = {self.rounding!r} deals out whole units; {exact.show(value)} is not whole",
                        key=key,
                        row=row,
                    )
        if self.arithmetic == "float" and self.rounding == "none":
            # Overflow warns and gives inf, which is what is looked for.
            with np.errstate(over="ignore"):
                if not np.isfinite(as_float(array).sum() * 4):
                    raise InstanceError('the total is too large for floats; use arithmetic = "exact"', key=key)


class Schema(Common):
    """The keys of an overage document."""

    accounts: Any
    rule: Rule = "linear"
    alpha: Any = 1
    tie: Tie = "max"
    weights: Any = None
    rounding: Rounding = "none"
    claim_bound: Any = None
    penalty: Any = None
    pools: Any = None
    edges: Any = None
    design: Any = None
    simulate: Any = None


def _above(values: NDArray[Any], bound: Number) -> NDArray[np.bool_]:
    """Which values exceed the bound; a float counts as its shortest decimal."""
    if values.dtype.kind != "f":
        result: NDArray[np.bool_] = (values > bound).astype(bool)
        return result
    limit = exact.as_float(bound)
    return values >= limit if limit < np.inf and exact.parse(limit) > bound else values > limit


def _weights(document: Document, given: object) -> NDArray[Any]:
    """The weights of a document, in the order of the accounts."""
    if not isinstance(given, list):
        raise document.error("must be a list of numbers, one for each account in order", "weights")
    found = np.empty(len(given), dtype=object)
    for position, value in enumerate(given):
        try:
            found[position] = document.number(value, "weights", positive=True)
        except InstanceError as error:
            raise InstanceError(error.problem, file=document.path, key="weights", row=position + 1) from None
    return found


def from_document(document: Document) -> Environment:
    """The environment that a model document describes.

    Raises:
        InstanceError: names the file, the key and the row at fault.
    """
    schema = document.convert(Schema)
    alpha = document.number(schema.alpha, "alpha", positive=True)
    if alpha > 1000 or alpha < Fraction(1, 1000):
        raise document.error(f"must be from 1/1000 to 1000, not {exact.show(schema.alpha)}", "alpha")
    if schema.rule not in ("power", "capped_power") and alpha != 1:
        raise document.error(f'alpha = {exact.show(schema.alpha)} needs rule = "power" or "capped_power"', "alpha")
    bound = None if schema.claim_bound is None else document.number(schema.claim_bound, "claim_bound", minimum=0)
    penalty = None if schema.penalty is None else document.number(schema.penalty, "penalty", minimum=0)
    table = document.table(schema.accounts, "accounts", ["account", "entitlement", "claim"])
    claim = table.numbers("claim", minimum=0)
    if bound is not None:
        above = _above(claim, bound)
        if above.any():
            row = int(above.argmax())
            raise table.error(
                f"must be at most claim_bound = {exact.show(bound)}, not {exact.show(exact.parse(claim[row]))}",
                "claim",
                row,
            )
    entitlement, account = table.numbers("entitlement", minimum=0), table.names("account")
    if (schema.pools is None) != (schema.edges is None):
        raise document.error("pools and edges belong together", "edges" if schema.edges is None else "pools")
    network = None if schema.pools is None else network_of(schema.pools, schema.edges, account, document)
    try:
        return Environment(
            account=account,
            entitlement=entitlement,
            claim=claim,
            rule=schema.rule,
            alpha=alpha,
            tie=schema.tie,
            weight=None if schema.weights is None else _weights(document, schema.weights),
            rounding=schema.rounding,
            arithmetic=schema.arithmetic,
            claim_bound=bound,
            penalty=penalty,
            units=schema.units,
            network=network,
        )
    except InstanceError as error:
        if error.row is not None and error.key != "weights":
            raise table.error(error.problem, str(error.key).removeprefix("accounts."), error.row - 1) from None
        raise error.at(file=document.path) from None
