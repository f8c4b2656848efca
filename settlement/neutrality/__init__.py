"""Neutrality of events (大型活动碳中和) by the guide of 2019: plan, account, offset, confirm, declare."""
