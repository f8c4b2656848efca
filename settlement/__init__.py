"""Floor 6: delivery versus payment, then the end of a tonne."""
