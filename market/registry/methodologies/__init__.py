"""Methodologies, one file each; `market.registry.methodology` finds them by walking this package."""
