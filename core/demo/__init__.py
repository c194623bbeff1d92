"""The demo that ships: drawn scenes in COCO's format and the small model trained on them.

Nothing in the app needs this package; it makes `data/demo` and `models/demo`, and shows how.
"""
