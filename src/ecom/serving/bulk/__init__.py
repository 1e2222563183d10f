"""Scoring of files: parts that are planned, scored by several processes, and put together."""
