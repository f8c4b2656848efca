"""The API under /api/v1: one file a family of resources, shape in and shape out."""
