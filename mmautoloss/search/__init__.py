"""The search: settings, the planner of trials, the loop over slots."""

from mmautoloss.search.draw_progress import DrawProgress
from mmautoloss.search.driver import Stop, run_search
from mmautoloss.search.observer import Observer, Observers
from mmautoloss.search.planner import Planner
from mmautoloss.search.remaining import confirmations_left, finalist_trainings_left
from mmautoloss.search.rung import Rung
from mmautoloss.search.settings import LEAST_SEEDS, Budget, SearchSettings
from mmautoloss.search.stages import SearchStalled

__all__ = [
    'LEAST_SEEDS',
    'Budget',
    'DrawProgress',
    'Observer',
    'Observers',
    'Planner',
    'Rung',
    'SearchSettings',
    'SearchStalled',
    'Stop',
    'confirmations_left',
    'finalist_trainings_left',
    'run_search',
]
