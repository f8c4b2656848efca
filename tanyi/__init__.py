"""Tanyi (碳易): the market, matching and settlement of carbon-reduction products (降碳产品) of Hebei."""

__version__ = "0.1.0"
