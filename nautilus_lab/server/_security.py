"""Who may open a page, and what a page may do."""

from __future__ import annotations

from typing import Any

from jupyter_server.auth import IdentityProvider, User

# Scripts are inline and evaluated in Voilà's and JupyterLab's own pages; all else stays here.
CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self' data: blob:",
        "worker-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)


class TokenIdentityProvider(IdentityProvider):
    """Lets in who shows the token, and remembers it in a cookie.

    Reading a page also sets the XSRF cookie: without it the browser's notice that a page was
    closed is refused, and the page's kernel would live on for ever.
    """

    async def get_user(self, handler: Any) -> User | None:
        """Return the user of a request, None when it shows neither token nor cookie."""
        user = await self._get_user(handler)
        if user is not None and handler.request.method == "GET":
            handler.current_user = user  # must precede the cookie, which asks for it
            if not handler.request.path.endswith("/channels"):
                handler.xsrf_token  # noqa: B018 - reading it sets the cookie
        return user
