"""The stages of a search, one a role of trials: which trial of it comes next, as a function of the history."""

from mmautoloss.search.stages.breeder import Breeder, SearchStalled
from mmautoloss.search.stages.completion import Completion
from mmautoloss.search.stages.conclusion import Conclusion
from mmautoloss.search.stages.confirmation import Confirmation
from mmautoloss.search.stages.finalists import Finalists
from mmautoloss.search.stages.hand_made import HandMade
from mmautoloss.search.stages.known import KnownLosses
from mmautoloss.search.stages.legs import Legs
from mmautoloss.search.stages.longer import Longer
from mmautoloss.search.stages.plain import PlainTrainings
from mmautoloss.search.stages.promotion import Promotion
from mmautoloss.search.stages.searched import SearchedLosses
from mmautoloss.search.stages.stage import Stage
from mmautoloss.search.stages.trunks import Trunks, is_essential
from mmautoloss.search.stages.yardsticks import Yardsticks

__all__ = [
    'Breeder',
    'Completion',
    'Conclusion',
    'Confirmation',
    'Finalists',
    'HandMade',
    'KnownLosses',
    'Legs',
    'Longer',
    'PlainTrainings',
    'Promotion',
    'SearchStalled',
    'SearchedLosses',
    'Stage',
    'Trunks',
    'Yardsticks',
    'is_essential',
]
