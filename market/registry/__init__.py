"""Floor 2: supply comes into being, from a project's draft to issued tonnes."""
