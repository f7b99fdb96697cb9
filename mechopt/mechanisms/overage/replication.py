"""`simulate`: many periods of needs drawn at random, settled one after another, with and without banking of slack."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from mechopt import distributions, exact, tasks
from mechopt.distributions import Distribution
from mechopt.errors import InstanceError
from mechopt.instance import Document
from mechopt.mechanisms.overage.clearing import cover, scaled_weights
from mechopt.mechanisms.overage.environment import Environment
from mechopt.outcome import Guarantee, Outcome
from mechopt.picture import COLOURS, Picture, canvas

BLOCK = 256  # replications of a task
CLOSE = 1e-9  # relative gap of totals below which rounding may have decided their order
LARGEST = 10**7  # replications times periods
MEASURES = ("overage", "slack", "scarcity", "residual", "penalty", "truthful_payoff", "strategic_payoff")


class Table(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The keys of [simulate].

    Attributes:
        periods: how many follow each other.
        replications: how many times they are played.
        claims, common: distributions of factors of the needs, each account its own and all the same, anew each period.
        growth: of all needs from period to period, 0.02 for two per cent.
        banking: whether slack that nobody used is added to its owner's entitlement of the next period.
        strategic: accounts that claim the document's claim_bound whatever they need (Proposition 3).
        level: probability inside the bands.
    """

    periods: int = 10
    replications: int = 1000
    claims: Any = None
    common: Any = None
    growth: float = 0.0
    banking: bool = False
    strategic: list[str] = msgspec.field(default_factory=list)
    level: float = 0.9


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Play:
    """What a task needs to play replications.

    Attributes:
        entitlement: units, shape (accounts,).
        need: expected needs in the first period, units, shape (accounts,).
        strategic: who claims the bound, shape (accounts,).
        bound: claim_bound, units.
        sharing: how slack is shared, keywords of `clearing.clear`.
        penalty: money per unit of residual overage.
        own, common: factors of needs.
        growth, banking, periods: as in the table.
    """

    entitlement: NDArray[np.float64]
    need: NDArray[np.float64]
    strategic: NDArray[np.bool_]
    bound: float
    sharing: dict[str, Any]
    penalty: float
    own: Distribution | None
    common: Distribution | None
    growth: float
    banking: bool
    periods: int


def read(environment: Environment, document: Document) -> tuple[Table, Play]:
    """The [simulate] table of a document.

    Raises:
        InstanceError: names the file and the key at fault.
    """
    table = document.section("simulate", Table)
    environment.need_one_pool("the simulation")
    for name, value in (("periods", table.periods), ("replications", table.replications)):
        if value < 1:
            raise document.error(f"must be at least 1, not {value}", f"simulate.{name}")
    if table.periods * table.replications > LARGEST:
        raise document.error(f"periods times replications must be at most {LARGEST:,}", "simulate.replications")
    if not 0 < table.level < 1:
        raise document.error(f"must be between 0 and 1, not {table.level:g}", "simulate.level")
    if not -1 < table.growth < 10:
        raise document.error(f"must be above -1 and below 10, not {table.growth:g}", "simulate.growth")
    unknown = [name for name in table.strategic if name not in environment.account]
    if unknown:
        raise document.error(f"there is no account {unknown[0]!r}", "simulate.strategic")
    if table.strategic and environment.claim_bound is None:
        raise document.error("strategic accounts claim the bound; the document needs a claim_bound", "claim_bound")
    if table.banking and environment.rule == "rebate":
        raise document.error('hands unused slack back at once; nothing is left to bank with rule = "rebate"', "rule")
    factors = [
        None if given is None else distributions.from_table(given, f"simulate.{name}", file=document.path)
        for name, given in (("claims", table.claims), ("common", table.common))
    ]
    for name, factor in zip(("claims", "common"), factors, strict=True):
        if factor is not None and factor.support[0] < 0:
            raise document.error("a factor of needs cannot be below 0", f"simulate.{name}")
    held, asked = environment.in_floats()
    return table, Play(
        entitlement=held,
        need=asked,
        strategic=np.isin(environment.account, table.strategic),
        bound=exact.as_float(environment.claim_bound or 0),
        sharing=environment.sharing
        | ({} if environment.weight is None else {"weight": scaled_weights(environment.weight)}),
        penalty=exact.as_float(environment.penalty or 0),
        own=factors[0],
        common=factors[1],
        growth=table.growth,
        banking=table.banking,
        periods=table.periods,
    )


def play(task: tuple[Play, int], generator: Generator) -> NDArray[np.float64]:
    """Some replications: the MEASURES of each period, shape (replications, periods, measures).

    Raises:
        InstanceError: the totals or the penalties exceed floats.
    """
    setup, count = task
    found = np.empty((count, setup.periods, len(MEASURES)))
    banked = np.zeros((count, len(setup.need)))
    for period in range(setup.periods):
        claim = _claims(setup, generator, period, count)
        held = setup.entitlement + banked
        with np.errstate(over="ignore", invalid="ignore"):
            over, under = np.maximum(claim - held, 0.0), np.maximum(held - claim, 0.0)
            total_over, total_under = over.sum(axis=1), under.sum(axis=1)
            if not np.isfinite((total_over + total_under) * max(setup.penalty, 1.0)).all():
                raise InstanceError("claims or penalties are drawn that are too large for floats", key="simulate")
        covered = _covered(setup, held, claim, over, total_over, total_under)
        spare = under * _ratio(np.maximum(total_under - total_over, 0.0), total_under)[:, None]
        rebate = spare if setup.sharing["rule"] == "rebate" else 0.0
        payoff, residual = np.minimum(claim, held) + covered + rebate, np.maximum(over - covered, 0.0).sum(axis=1)
        found[:, period, 0], found[:, period, 1] = total_over, total_under
        found[:, period, 2] = _ratio(np.maximum(total_over - total_under, 0.0), total_over)
        found[:, period, 3], found[:, period, 4] = residual, residual * setup.penalty
        for place, group in ((5, ~setup.strategic), (6, setup.strategic)):
            base = setup.entitlement[group].sum()
            found[:, period, place] = payoff[:, group].sum(axis=1) / base if base > 0 else np.nan
        if setup.banking:
            banked = spare
    return found


def _claims(setup: Play, generator: Generator, period: int, count: int) -> NDArray[np.float64]:
    """What is claimed in one period of each replication, shape (replications, accounts)."""
    need = np.broadcast_to(setup.need * (1 + setup.growth) ** period, (count, len(setup.need)))
    with np.errstate(over="ignore", invalid="ignore"):  # said in words by the caller
        if setup.own is not None:
            need = need * setup.own.sample(generator, need.shape)
        if setup.common is not None:
            need = need * setup.common.sample(generator, count)[:, None]
    return np.where(setup.strategic, setup.bound, need)


def _ratio(part: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float64]:
    """part / whole, and 0 where there is nothing."""
    return np.divide(part, whole, out=np.zeros_like(whole), where=whole > 0)


def _covered(
    setup: Play,
    held: NDArray[np.float64],
    claim: NDArray[np.float64],
    over: NDArray[np.float64],
    total_over: NDArray[np.float64],
    total_under: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Coverage in each replication, shape (replications, accounts); whether X = I is decided exactly."""
    if setup.sharing["rule"] in ("linear", "rebate"):
        return over * np.minimum(_ratio(total_under, total_over), 1.0)[:, None]
    found = np.empty_like(over)
    for row in range(len(over)):
        gap = total_over[row] - total_under[row]
        sign = int(np.sign(gap))
        if abs(gap) <= CLOSE * (total_over[row] + total_under[row]):
            sign = exact.sign_of_difference(claim[row], held[row])
        found[row] = cover(over[row], total_over[row], total_under[row], sign, **setup.sharing)
    return found


def simulate(
    environment: Environment,
    document: Document,
    *,
    seed: int = 0,
    workers: int = 1,
    progress: Callable[[int, int], object] | None = None,
) -> Outcome:
    """Play many periods many times.

    Args:
        environment: the accounts; their claims are the expected needs.
        document: its [simulate] table, see `Table`.
        seed: root of one random stream for each block of replications.
        workers: processes to use; the result does not depend on them.
        progress: called as progress(done, total), a block each.

    Returns:
        `tables.periods`: mean and band of each measure. Guarantee: approximate, with the standard error of the mean
        penalty. Status "interrupted" after Ctrl-C, "incomplete" where workers died: of what was finished.

    Raises:
        InstanceError: the table is wrong.
    """
    table, setup = read(environment, document)
    sizes = [min(BLOCK, table.replications - start) for start in range(0, table.replications, BLOCK)]
    items = [(setup, size) for size in sizes]
    finished: dict[int, NDArray[np.float64]] = {}
    with tasks.keeping(finished) as ending, tasks.pool(min(workers, len(items))) as executor:
        tasks.run(play, items, executor=executor, seed=seed, progress=progress, finished=finished)
    found = np.concatenate([finished[position] for position in sorted(finished)])
    penalty = found[:, :, MEASURES.index("penalty")].sum(axis=1)
    spread = float(penalty.std(ddof=1) / np.sqrt(len(found))) if len(found) > 1 else float("inf")
    short = (found[:, :, 3] > 0).any(axis=1)
    return Outcome(
        mechanism="overage",
        title="",
        status=ending.status or "simulated",
        guarantee=Guarantee(
            kind="approximate",
            detail=f"means over {len(found):,} replications; the error is the standard error of penalty_per_run",
            error=spread if np.isfinite(spread) else float(np.abs(penalty).max()),
        ),
        summary={
            "replications": len(found),
            "periods": table.periods,
            "level": table.level,
            "banking": table.banking,
            "strategic_accounts": len(table.strategic),
            "penalty_per_run": float(penalty.mean()),
            "probability_of_shortage": float(short.mean()),
            "mean_scarcity": float(found[:, :, 2].mean()),
            "truthful_payoff": _mean(found[:, :, 5]),
            "strategic_payoff": _mean(found[:, :, 6]),
        },
        tables={"periods": _periods(found, table.level)},
        warnings=[*_warnings(environment, len(found), table.replications), *ending.warnings],
        provenance={"solver": {"name": "numpy"}, "block": BLOCK},
    )


def _warnings(environment: Environment, played: int, wanted: int) -> list[str]:
    found = []
    if environment.rounding != "none":
        found.append(f"drawn needs are not whole: periods are cleared without rounding ({environment.rounding})")
    if played < wanted:
        found.append(f"only {played:,} of {wanted:,} replications")
    return found


def _mean(values: NDArray[np.float64]) -> float | None:
    """The mean; None where the group is empty."""
    return None if np.isnan(values).any() else float(values.mean())


def _periods(found: NDArray[np.float64], level: float) -> dict[str, list[Any]]:
    """Mean, low and high of each measure by period."""
    columns: dict[str, list[Any]] = {"period": list(range(1, found.shape[1] + 1))}
    for place, name in enumerate(MEASURES):
        values = found[:, :, place]
        if np.isnan(values).any():
            continue
        low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2], axis=0)
        columns |= {
            name: values.mean(axis=0).tolist(), f"{name}_low": low.tolist(), f"{name}_high": high.tolist()
        }  # fmt: skip
    return columns


def simulate_pictures(environment: Environment, outcome: Outcome) -> Sequence[Picture]:
    """Scarcity, and penalties, by period with bands."""
    table, units = outcome.tables["periods"], environment.units or "units"
    drawn = []
    for name, label in (("scarcity", "share of overage left uncovered"), ("residual", f"residual overage, {units}")):
        figure, axes = canvas()
        axes.fill_between(table["period"], table[f"{name}_low"], table[f"{name}_high"], color=COLOURS[0], alpha=0.2,
                          label="band")  # fmt: skip
        axes.plot(table["period"], table[name], color=COLOURS[0], linewidth=1.8, label="mean")
        axes.set_xlabel("period")
        axes.set_ylabel(label)
        axes.legend(frameon=False, fontsize=8)
        drawn.append(
            Picture(
                title=f"{name.capitalize()} by period",
                caption=f"Mean over {outcome.summary['replications']:,} replications, and the band that holds "
                f"{outcome.summary['level']:.0%} of them.",
                alt=f"{name} over {len(table['period'])} periods with a band.",
                figure=figure,
                numbers={key: table[key] for key in ("period", name, f"{name}_low", f"{name}_high")},
            )
        )
    return drawn
