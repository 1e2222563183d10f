"""How good scores are. Nothing in here knows a model."""
