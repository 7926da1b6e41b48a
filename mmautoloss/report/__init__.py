"""Status, results and reports of a search."""

from mmautoloss.report.correlation import Correlation, Pair, choose_spread, correlation_of
from mmautoloss.report.description import Description
from mmautoloss.report.live.console import ConsoleObserver
from mmautoloss.report.live.status_page import print_status
from mmautoloss.report.pace import seconds_of
from mmautoloss.report.remaining_work import Lengths, work_left
from mmautoloss.report.result_row import Conditions, ResultRow, Setting, make_row
from mmautoloss.report.result_table import is_greater, print_comparison
from mmautoloss.report.results import append_results, read_results, result_rows
from mmautoloss.report.rung_savings import Rungs, rungs_of
from mmautoloss.report.status import Status, status_of
from mmautoloss.report.words import span

__all__ = [
    'Conditions',
    'ConsoleObserver',
    'Correlation',
    'Description',
    'Lengths',
    'Pair',
    'ResultRow',
    'Rungs',
    'Setting',
    'Status',
    'append_results',
    'choose_spread',
    'correlation_of',
    'is_greater',
    'make_row',
    'print_comparison',
    'print_status',
    'read_results',
    'result_rows',
    'rungs_of',
    'seconds_of',
    'span',
    'status_of',
    'work_left',
]
