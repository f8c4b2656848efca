"""Supply, demand, and their meeting."""
