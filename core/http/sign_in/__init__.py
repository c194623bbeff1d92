"""Signing in and out: pages of plain HTML that need neither Streamlit nor JavaScript."""
