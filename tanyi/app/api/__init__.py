"""The API under /api/v1, one file per resource family; shapes in, shapes out, every rule elsewhere.

JSON, bearer keys, RFC 9457 problems. Quantities are whole tonnes (`_t`), money is whole fen (`_fen`): JSON integers,
all below 2^53. Lists are paged by a cursor. Every route that moves tonnes or money asks for an `Idempotency-Key`.
"""
