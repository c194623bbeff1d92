"""What the scores of a query mean, and what a subset is made of: figures, no pictures.

Each module takes arrays, a dataset or what a search has found, and returns frozen records.
"""
