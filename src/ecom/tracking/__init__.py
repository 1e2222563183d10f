"""The record in MLflow: what every state of the pipeline was made of, and what came of it."""
