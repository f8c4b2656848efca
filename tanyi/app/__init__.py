"""Floor 8, the edge: HTTP, HTML and the command line. It imports everything and nobody imports it."""
