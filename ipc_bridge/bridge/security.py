"""One TLS context for all cameras of an account, made when the first of them is connected."""

from __future__ import annotations

import ssl
from pathlib import Path

from ipc_bridge.config import Account, Tls
from ipc_bridge.device.tls import Security, Verify, make_context


class TlsContexts:
    """Contexts by client certificate.

    Args:
        config: the ``tls`` section.
    """

    def __init__(self, config: Tls) -> None:
        self._config = config
        self._verify = Verify(config.verify)
        self._contexts: dict[tuple[Path | None, str | None], ssl.SSLContext] = {}

    def security(self, account: Account, pin: str | None) -> Security:
        """How to trust a camera of ``account``.

        Raises:
            ClientCertificateError: the account's certificate cannot be used; it is read again on the next call.
            CertificateError: the CA file cannot be used.
        """
        key = (account.certificate, account.certificate_password)
        context = self._contexts.get(key)
        if context is None:
            context = self._contexts[key] = make_context(
                self._verify,
                self._config.ca,
                legacy=self._config.legacy,
                certificate=account.certificate,
                password=account.certificate_password,
            )
        return Security(self._verify, context, pin)
