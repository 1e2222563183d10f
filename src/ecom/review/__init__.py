"""Two states of the project side by side: whether a change made the model better or worse."""
