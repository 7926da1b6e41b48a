"""The content of a journal as tables, without drawings."""

from mmautoloss.report.facts.facts import Facts, facts_of

__all__ = ['Facts', 'facts_of']
