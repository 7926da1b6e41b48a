"""Trials, their history and the journal."""

from mmautoloss.trial.estimates import Estimates
from mmautoloss.trial.folder import LOG, PREDICTIONS, TRIALS, log_name, trial_folder
from mmautoloss.trial.history import History
from mmautoloss.trial.journal import Journal
from mmautoloss.trial.journal_repair import Repair, repair
from mmautoloss.trial.line import VERSION
from mmautoloss.trial.lock import driver_lives
from mmautoloss.trial.pulse import RETIRED, Pulse
from mmautoloss.trial.read import find_journal, journal_of, load_journal, read_events, read_history, read_journal
from mmautoloss.trial.record import Record
from mmautoloss.trial.saved import Saved
from mmautoloss.trial.scale import Scale, scale_of
from mmautoloss.trial.session import Session
from mmautoloss.trial.trial import (
    AT_RUNG,
    CANDIDATE_ROLES,
    SAME,
    UNSCORED,
    Outcome,
    Role,
    State,
    Trial,
    outcome_from_json,
    outcome_to_json,
)
from mmautoloss.trial.yardstick import AGGREGATES, LABELS, Unit, Yardstick, unit_of

__all__ = [
    'AGGREGATES',
    'AT_RUNG',
    'CANDIDATE_ROLES',
    'LABELS',
    'LOG',
    'PREDICTIONS',
    'RETIRED',
    'SAME',
    'TRIALS',
    'UNSCORED',
    'VERSION',
    'Estimates',
    'History',
    'Journal',
    'Outcome',
    'Pulse',
    'Record',
    'Repair',
    'Role',
    'Saved',
    'Scale',
    'Session',
    'State',
    'Trial',
    'Unit',
    'Yardstick',
    'driver_lives',
    'find_journal',
    'journal_of',
    'load_journal',
    'log_name',
    'outcome_from_json',
    'outcome_to_json',
    'read_events',
    'read_history',
    'read_journal',
    'repair',
    'scale_of',
    'trial_folder',
    'unit_of',
]
