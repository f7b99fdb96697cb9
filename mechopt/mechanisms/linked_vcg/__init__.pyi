import mechopt.paper

from .checks import check as check
from .design_plots import design_pictures as design_pictures
from .designing import design as design
from .deviations import Deviation as Deviation, best_deviation as best_deviation
from .document import from_document as from_document
from .environment import Environment as Environment
from .geometry import Rays as Rays, linked_by_geometry as linked_by_geometry
from .growth_plots import simulate_pictures as simulate_pictures
from .inner import Limits as Limits
from .knapsack import Knapsack as Knapsack
from .linked import Linked as Linked, linked_transfer as linked_transfer
from .market import Market as Market
from .mechanism import run as run, run_tasks as run_tasks, run_unlinked as run_unlinked
from .partitions import run_parquet as run_parquet
from .plots import pictures as pictures
from .position import Position as Position, positions as positions
from .potential import Cheapest as Cheapest, cheapest_transfer as cheapest_transfer
from .rounds import simulate as simulate
from .statements import Statement as Statement, explain as explain, statement as statement

PAPER: mechopt.paper.Paper
