import mechopt.paper

from .budget_plots import simulate_pictures as simulate_pictures
from .calibration_plots import design_pictures as design_pictures
from .checks import check as check
from .document import from_document as from_document
from .environment import Environment as Environment
from .expectations import Expectations as Expectations
from .explanation import explain as explain
from .grid_design import design as design
from .many_rounds import simulate as simulate
from .mechanism import run as run
from .plots import pictures as pictures

PAPER: mechopt.paper.Paper
