"""The sections of the page Scores."""
