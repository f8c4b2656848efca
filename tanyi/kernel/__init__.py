"""Floor 0: the words that every floor uses. No carbon vocabulary beyond quantities."""
