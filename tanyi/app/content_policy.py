"""What a browser may do with an answer of ours: run only scripts that carry this answer's nonce, and call nobody else.

The nonce is drawn for each visitor and each answer and stands in the header and in the `<script>` elements of that one
page, so that a script smuggled into a page does not run. An answer that is no page runs none. Style sheets come from our
own files; neither styles nor scripts stand inside the markup.
"""

from __future__ import annotations

from typing import Final

POLICY: Final = (
    "default-src 'none'; script-src {scripts}; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; "
    "manifest-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


def headers(nonce: str | None) -> dict[str, str]:
    """The security headers of one answer; without a nonce no script runs."""
    scripts = f"'nonce-{nonce}'" if nonce else "'none'"
    return {"Content-Security-Policy": POLICY.format(scripts=scripts), **HEADERS}
