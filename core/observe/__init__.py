"""What the instance tells of itself: figures for Prometheus, and logs."""
