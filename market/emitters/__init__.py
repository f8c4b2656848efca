"""Floor 3: demand comes into being, from verified emissions to a duty in whole tonnes."""
