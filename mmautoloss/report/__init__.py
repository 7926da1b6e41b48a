"""What a person sees and keeps of a search."""

from mmautoloss.report.live.console import ConsoleObserver
from mmautoloss.report.result_table import print_comparison
from mmautoloss.report.results import ResultRow, append_results, length_of, make_row, read_results, result_rows

__all__ = [
    'ConsoleObserver',
    'ResultRow',
    'append_results',
    'length_of',
    'make_row',
    'print_comparison',
    'read_results',
    'result_rows',
]
