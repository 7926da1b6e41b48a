"""What is remembered: trials, their history, the journal."""

from mmautoloss.trial.history import History
from mmautoloss.trial.journal import Journal
from mmautoloss.trial.line import VERSION
from mmautoloss.trial.pulse import Pulse
from mmautoloss.trial.read import read_history, read_journal
from mmautoloss.trial.record import Record
from mmautoloss.trial.session import Session
from mmautoloss.trial.trial import Outcome, Role, State, Trial, outcome_from_json, outcome_to_json

__all__ = [
    'VERSION',
    'History',
    'Journal',
    'Outcome',
    'Pulse',
    'Record',
    'Role',
    'Session',
    'State',
    'Trial',
    'outcome_from_json',
    'outcome_to_json',
    'read_history',
    'read_journal',
]
