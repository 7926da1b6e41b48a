"""The HTML page of a search: ``build_report`` collects its content, ``render`` writes it."""

from mmautoloss.report.page.build import build_report
from mmautoloss.report.page.content import Finalist, Report, Sheet
from mmautoloss.report.page.html import render

__all__ = ['Finalist', 'Report', 'Sheet', 'build_report', 'render']
