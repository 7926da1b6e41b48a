"""What tests of this package and of its extensions share; import its modules one by one.

``toy``: a model, data and metric that train in a fraction of a second. ``toy_config``: a search of
its losses. ``strategy``: a conformance suite to inherit. ``executor``: an executor with a virtual
clock.
"""
