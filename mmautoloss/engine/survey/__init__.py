"""What the model of a search shows before any trial: whether it validates, which losses it has, its probes.

Where workers train on GPUs, another process looks at it, which then ends: a process that has used a GPU keeps a part of it,
and one whose compute mode is exclusive would have no place for its worker.
"""

from mmautoloss.engine.survey.child import ChildSurvey
from mmautoloss.engine.survey.own import OwnSurvey
from mmautoloss.engine.survey.survey import Capture, Survey, unsaid
from mmautoloss.engine.survey.surveyor import survey_of

__all__ = ['Capture', 'ChildSurvey', 'OwnSurvey', 'Survey', 'survey_of', 'unsaid']
