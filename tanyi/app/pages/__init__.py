"""The pages: one file an audience, templates beside them."""
