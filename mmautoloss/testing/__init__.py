"""Shared code for tests of this package and of its extensions; import its modules one by one.

``toy``: a model, data and metric that train in a fraction of a second. ``toy_searches``: a search of
its losses. ``strategy_suite``, ``executor_suite``, ``screen_suite``: conformance tests to inherit.
``virtual_executor``: an executor with a virtual clock.
"""
