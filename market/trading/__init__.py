"""Floor 4: intentions meet: listings, bids and trades."""
