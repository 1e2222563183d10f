"""From the raw bytes of a source to typed sessions, split into training and test rows."""
