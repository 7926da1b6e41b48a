"""What is remembered: trials, their history, the journal."""

from mmautoloss.trial.history import History
from mmautoloss.trial.journal import Journal, read_history
from mmautoloss.trial.trial import Outcome, Role, State, Trial, outcome_from_json, outcome_to_json

__all__ = [
    'History',
    'Journal',
    'Outcome',
    'Role',
    'State',
    'Trial',
    'outcome_from_json',
    'outcome_to_json',
    'read_history',
]
