"""What is fitted: candidates, their search, and their explanation."""
