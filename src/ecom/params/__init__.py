"""The sections of params.yaml: one frozen, closed model each, in a module named as the section."""
