import mechopt.paper

from .allotment import Allotment as Allotment, GroupProblems as GroupProblems
from .bounds import Bound as Bound, certified as certified
from .checks import check as check
from .curves import simulate_pictures as simulate_pictures
from .deviation import best_deviation as best_deviation
from .document import from_document as from_document
from .environment import Environment as Environment
from .horizon_plots import design_pictures as design_pictures
from .horizons import design as design
from .mechanism import run as run
from .online import Online as Online
from .paths import Paths as Paths
from .plots import pictures as pictures
from .response import Limits as Limits
from .rounds import compare as compare, simulate as simulate
from .rules import Rules as Rules
from .signs import alarms as alarms
from .single import Single as Single
from .statements import explain as explain, statement as statement
from .strategies import Strategy as Strategy, View as View

PAPER: mechopt.paper.Paper
