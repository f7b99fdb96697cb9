import mechopt.paper

from .awards.comparison import (
    compare_rules as compare_rules,
    deviation_index as deviation_index,
    gini_index as gini_index,
    lorenz_curve as lorenz_curve,
    lorenz_dominates as lorenz_dominates,
    path_of_awards as path_of_awards,
    schedule_of_awards as schedule_of_awards,
)
from .awards.matrix import axiom_matrix as axiom_matrix
from .awards.plots import (
    lorenz_picture as lorenz_picture,
    path_picture as path_picture,
    schedule_picture as schedule_picture,
)
from .awards.rules import AWARD_RULES as AWARD_RULES, AwardRule as AwardRule, all_awards as all_awards, award as award
from .calibration import design as design, design_pictures as design_pictures
from .checks import check as check
from .clearing import clear as clear, scarcity as scarcity
from .coalitions import (
    best_deviation as best_deviation,
    best_deviation_without_payments as best_deviation_without_payments,
    coalition_payoff as coalition_payoff,
    strong_equilibrium as strong_equilibrium,
)
from .engine_tables import settle_table as settle_table
from .environment import Environment as Environment, from_document as from_document
from .explanation import explain as explain
from .games import (
    Equilibrium as Equilibrium,
    equilibrium as equilibrium,
    excess_over_cap as excess_over_cap,
    game_payoffs as game_payoffs,
    net_reply as net_reply,
)
from .incentives import (
    best_replies as best_replies,
    facing as facing,
    nash_equilibrium as nash_equilibrium,
    nash_set as nash_set,
    own_payoff as own_payoff,
    payoffs as payoffs,
)
from .mechanism import run as run
from .noise import (
    jump_risk as jump_risk,
    netting_gain as netting_gain,
    payoff_intervals as payoff_intervals,
    review as review,
    splitting_gain as splitting_gain,
)
from .penalty import (
    Scenario as Scenario,
    collar_as_printed as collar_as_printed,
    collar_condition as collar_condition,
    cost_of_waiting as cost_of_waiting,
    marginal_residual as marginal_residual,
    net_equilibrium as net_equilibrium,
    waiting_equilibrium as waiting_equilibrium,
)
from .plots import pictures as pictures
from .replication import simulate as simulate, simulate_pictures as simulate_pictures
from .rounding_table import rounding_properties as rounding_properties
from .settlement import settle as settle
from .shards import settle_shards as settle_shards
from .stream import settle_parquet as settle_parquet

PAPER: mechopt.paper.Paper
