"""Whether new sessions are like those before, told from noise."""
