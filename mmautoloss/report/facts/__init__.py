"""What a journal says, as tables: nothing here draws."""

from mmautoloss.report.facts.facts import Facts, facts_of

__all__ = ['Facts', 'facts_of']
