"""The search itself: settings, what comes next, the loop over slots."""

from mmautoloss.search.driver import Observer, Stop, run_search
from mmautoloss.search.plan import Planner, SearchStalled
from mmautoloss.search.rung import Rung
from mmautoloss.search.settings import Budget, SearchSettings

__all__ = ['Budget', 'Observer', 'Planner', 'Rung', 'SearchSettings', 'SearchStalled', 'Stop', 'run_search']
