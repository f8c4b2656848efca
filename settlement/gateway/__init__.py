"""An outside bank and payment gateway, simulated in-house: its own tables, its own transactions, nothing of ours.

The settlement floor talks to the client shape in `sdk`; `simulator` stands behind it today, a real provider could
tomorrow. Nothing here imports another package of this project, and nothing outside reads these tables.
"""
