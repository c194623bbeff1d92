"""How well a model searches a dataset: recall by captions, precision by categories.

Measured once and kept by what went in (`store`), in a process of its own (`work`, `runs`).
Every figure comes with an interval (`estimates`), and two models are compared on the same
draws (`comparison`). Formulas and their sources stand in docs/quality.md.
"""
