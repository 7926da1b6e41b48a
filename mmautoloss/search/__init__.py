"""The search: settings, the planner of trials, the loop over slots."""

from mmautoloss.search.draw_progress import DrawProgress
from mmautoloss.search.driver import Stop, run_search
from mmautoloss.search.funnel import Funnel, FunnelStage, read_funnel
from mmautoloss.search.observer import Observer, Observers
from mmautoloss.search.planner import Planner
from mmautoloss.search.relay import Relay, best_of, relay_of
from mmautoloss.search.remaining import confirmations_left, finalist_trainings_left, seeds_left, trunks_left
from mmautoloss.search.rounds import (
    Entrant,
    FunnelRound,
    best_losses,
    funnel_rounds,
    holding,
    survivors,
    trainings_left,
)
from mmautoloss.search.rung import Rung
from mmautoloss.search.settings import LEAST_SEEDS, Budget, SearchSettings
from mmautoloss.search.stages import SearchStalled

__all__ = [
    'LEAST_SEEDS',
    'Budget',
    'DrawProgress',
    'Entrant',
    'Funnel',
    'FunnelRound',
    'FunnelStage',
    'Observer',
    'Observers',
    'Planner',
    'Relay',
    'Rung',
    'SearchSettings',
    'SearchStalled',
    'Stop',
    'best_losses',
    'best_of',
    'confirmations_left',
    'finalist_trainings_left',
    'funnel_rounds',
    'holding',
    'read_funnel',
    'relay_of',
    'run_search',
    'seeds_left',
    'survivors',
    'trainings_left',
    'trunks_left',
]
