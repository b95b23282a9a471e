# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""AnsibleModule for options with credentials inside: a kubeconfig as data, a proxy with its password, an address with a login."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from .redact import HIDDEN, clean, credentials_in, outgoing, redacted


class SalvageModule(AnsibleModule):
    """Every credential in the options is to it what an option with ``no_log`` is: in no invocation, system log, error or result."""

    def _load_params(self) -> None:
        super()._load_params()  # before the options are checked, so that a wrong one is not quoted either
        self.no_log_values.update(credentials_in(self.params))

    def show_words_of(self, definitions: Any) -> None:
        """Hide of definitions with ``no_log`` what stands in a Secret and what is a credential, and not names such as `app`."""
        if not isinstance(definitions, str):
            self.no_log_values -= _words(definitions) - _words(_secrets(definitions)) - credentials_in(definitions)

    def _invocation(self) -> dict[str, Any]:
        specs = self.argument_spec
        return {
            "module_args": {
                name: HIDDEN if value and specs.get(name, {}).get("no_log") else outgoing(value) for name, value in self.params.items()
            }
        }

    def exit_json(self, **kwargs: Any) -> None:
        super().exit_json(**{"invocation": self._invocation(), **kwargs})

    def fail_json(self, msg: str, **kwargs: Any) -> None:
        super().fail_json(msg, **{"invocation": self._invocation(), **kwargs})

    def warn(self, warning: str, **kwargs: Any) -> None:
        super().warn(clean(redacted(warning)), **kwargs)


def _secrets(value: Any) -> list[Any]:
    if isinstance(value, dict):
        if str(value.get("kind")).startswith("Secret"):
            return [value.get(name) for name in ("data", "stringData", "items")]
        return [found for one in value.values() for found in _secrets(one)]
    return [found for one in value for found in _secrets(one)] if isinstance(value, list) else []


def _words(value: Any) -> set[str]:
    inner: Iterable[Any] = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    words = {word for one in inner for word in _words(one)}
    return words if isinstance(value, (dict, list)) else {str(value)}
