# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: openshift_session
short_description: The login of the current oc session
version_added: 0.1.0
author: Euystacio Meta Salvage contributors (@euystacio)
description:
  - Gives the API server and the token of the session that C(oc login) began, as options that the modules of this collection
    and of kubernetes.core take, or the project of the session.
  - It asks the cluster whether it still accepts the token, and fails with one sentence if it does not.
  - The token is never an argument of a command. Ansible hides the module option that it goes into.
options:
  _terms:
    description:
      - V(login) for the options C(host), C(api_key) and, where the session has them, C(ca_cert), C(validate_certs) and C(proxy).
      - V(project) for the project.
    type: list
    elements: string
    required: true
  kubeconfig:
    description: The kubeconfig of C(oc). Empty for the one that C(oc) uses itself.
    type: path
    default: ""
  context:
    description: The context in the kubeconfig. Empty for the current one.
    type: string
    default: ""
  executable:
    description: The program C(oc), by name or path. Every program with the commands of C(kubectl) will do.
    type: string
    default: oc
requirements:
  - openshift-client (Python library)
  - oc
"""

EXAMPLES = r"""
- name: Check the health of the cluster that oc is logged in to
  euystacio.meta_salvage.health_info:
  module_defaults:
    group/euystacio.meta_salvage.salvage: "{{ lookup('euystacio.meta_salvage.openshift_session', 'login') }}"
"""

RETURN = r"""
_raw:
  description: The value of each term.
  type: list
  elements: raw
"""

import hashlib
from typing import Any

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.openshift import OpenShiftSession, openshift_session
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.files import make_private, state_folder, write_whole

_known: dict[tuple[str, str, str], OpenShiftSession] = {}  # of this task: each task has a process of its own


class LookupModule(LookupBase):
    def run(self, terms: list[str], variables: dict[str, Any] | None = None, **kwargs: Any) -> list[Any]:
        self.set_options(var_options=variables, direct=kwargs)
        asked = (str(self.get_option("kubeconfig") or ""), str(self.get_option("context") or ""), str(self.get_option("executable")))
        try:
            if asked not in _known:
                _known[asked] = openshift_session(*asked)
            return [self._one(str(term), _known[asked]) for term in terms]
        except SalvageError as exc:
            raise AnsibleLookupError(str(exc)) from None

    def _one(self, term: str, session: OpenShiftSession) -> Any:
        if term == "project":
            return session.project
        if term != "login":
            raise SalvageError(f"openshift_session: {term} is not one of login and project", reason="bad_input")
        return {
            "host": session.server,
            "api_key": session.token,
            **({"ca_cert": _authority_file(session)} if session.verify and (session.authority or session.authority_file) else {}),
            **({} if session.verify else {"validate_certs": False}),
            **({"proxy": session.proxy} if session.proxy else {}),
        }


def _authority_file(session: OpenShiftSession) -> str:
    """Certificates are not secret; the options take them from a file only. One has the name of its content, so it is written once."""
    if not session.authority:
        return session.authority_file
    folder = state_folder() / "openshift"
    path = folder / f"{hashlib.sha256(session.authority).hexdigest()[:32]}.crt"
    try:
        if not path.exists() or path.read_bytes() != session.authority:
            make_private(folder)
            write_whole(path, session.authority)
    except OSError as exc:
        raise SalvageError(
            f"{path} can't be written: {exc.strerror or exc}; set XDG_STATE_HOME to a folder that can", reason="bad_input"
        ) from None
    return str(path)
