"""Floor 1: the two truths, tonnes and money, and the log of everything that happened."""
