"""Garbage is collected often here."""

from __future__ import annotations

from tests.isolation import quick_collection

__all__ = ['quick_collection']
