"""Predict whether an e-commerce session ends in a purchase."""
