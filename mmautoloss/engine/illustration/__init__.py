"""Drawings of a search's page that need the model's library: curves of hand-made losses, predictions on images."""

from mmautoloss.engine.illustration.search_page import read_facts, write_report

__all__ = ['read_facts', 'write_report']
