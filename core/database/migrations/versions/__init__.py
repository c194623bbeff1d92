"""The revisions, in order; each says what it made or changed."""
