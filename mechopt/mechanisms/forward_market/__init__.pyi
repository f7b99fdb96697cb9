import mechopt.paper

from .calibration import design as design
from .checks import check as check
from .document import from_document as from_document
from .environment import Environment as Environment
from .explanation import explain as explain
from .market import Market as Market
from .mechanism import run as run
from .plots import design_pictures as design_pictures, pictures as pictures
from .rounds import simulate as simulate
from .rounds_plots import simulate_pictures as simulate_pictures

PAPER: mechopt.paper.Paper
