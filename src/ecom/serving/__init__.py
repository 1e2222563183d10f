"""Answers from a package: needs neither scikit-learn, pandas, DVC nor MLflow."""
