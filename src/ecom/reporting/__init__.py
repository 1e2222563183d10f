"""What people look at: the summary, the model card, the report and its figures."""
