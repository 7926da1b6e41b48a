"""The page of a search: ``build_report`` says what stands on it, ``render`` writes it."""

from mmautoloss.report.page.build import build_report
from mmautoloss.report.page.render import render
from mmautoloss.report.page.report import Finalist, Report, Sheet

__all__ = ['Finalist', 'Report', 'Sheet', 'build_report', 'render']
