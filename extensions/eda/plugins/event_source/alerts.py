# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An event source of ansible-rulebook that receives Alertmanager's webhooks, keeps each alert on the disk and hands each on once."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

DOCUMENTATION = r"""
---
short_description: Receive the alerts of Alertmanager, each of them once
description:
  - Receives webhooks of Alertmanager (version 4) from senders that prove who they are, writes each alert to a journal on the disk before it
    answers 202, and hands each on to the rules once, over restarts too.
  - An alert is taken once by its fingerprint, its start and its status, however often it is posted.
  - The event has C(status) (V(firing) or V(resolved)), C(alert), C(alerts) (all of the same group, with O(group_by)), C(episode)
    (fingerprint and start), C(ids), C(group), C(receiver), C(externalURL) and C(attempt). No header of the request is in it. Texts cannot
    open a template or control a terminal.
  - Paths are C(POST /alerts), C(POST /handled), C(GET /metrics) and C(GET /health); all but the last need the same proof.
options:
  journal:
    description: The folder of the journal. Of several sources with the same folder one receives; another takes over when it ends.
    type: path
    required: true
  port:
    description: The TCP port.
    type: int
    required: true
  host:
    description: The address to listen on.
    type: str
    default: 127.0.0.1
  token_file:
    description: A file with the bearer token that senders have. Several lines are several tokens. It is read again when it changes.
    type: path
  hmac_file:
    description: A file with the secret of an HMAC-SHA256 over the body. Several lines are several secrets.
    type: path
  hmac_header:
    description: The header with the signature, in hexadecimal, with or without C(sha256=) before it.
    type: str
    default: X-Signature-256
  cert_file:
    description: The certificate chain for TLS.
    type: path
  key_file:
    description: The key of O(cert_file).
    type: path
  client_ca_file:
    description: Certificates of the CAs that sign the certificates of senders (mTLS).
    type: path
  client_names:
    description: Common names or alternative names of client certificates that may send. Empty means any that O(client_ca_file) has signed.
    type: list
    elements: str
    default: []
  plain_http:
    description: Listen without TLS on an address that is not of this machine alone.
    type: bool
    default: false
  max_body:
    description: Bytes of a body at most.
    type: int
    default: 4194304
  max_alerts:
    description: New alerts that are taken of a payload at most. If it has more, the sender is asked to come again (503) for the others.
    type: int
    default: 2000
  max_connections:
    description: Connections at a time at most.
    type: int
    default: 64
  request_seconds:
    description: Time for the header of a request, and again for its body.
    type: float
    default: 5.0
  max_episodes:
    description: Alerts in the journal at most. If so many are open, senders are asked to come again (503).
    type: int
    default: 20000
  keep_seconds:
    description: How long a handled alert is known after it was last posted. Longer than C(repeat_interval) of Alertmanager.
    type: float
    default: 1209600.0
  group_by:
    description: Labels of alerts that are handed on together, in one event, if they wait at the same time. Empty means each alone.
    type: list
    elements: str
    default: []
  group_max:
    description: Alerts of an event at most.
    type: int
    default: 100
  throttle_seconds:
    description:
      - The least time between two events of the same group (without O(group_by), of the same alert) that fire. What comes in between waits.
    type: float
    default: 30.0
  in_flight:
    description: With O(confirm), how many events may be with the rules at a time.
    type: int
    default: 8
  confirm:
    description:
      - An alert counts as handled when its id comes by C(POST /handled) with a list C(ids). What is not confirmed in O(confirm_seconds)
        is handed on again, at most O(confirm_attempts) times in all.
      - Otherwise it counts as handled O(confirm_seconds) after it was handed on. If the source ends before, it is handed on again.
    type: bool
    default: false
  confirm_seconds:
    description: See O(confirm). Longer than the longest response.
    type: float
    default: 900.0
  confirm_attempts:
    description: See O(confirm).
    type: int
    default: 5
"""

EXAMPLES = r"""
- euystacio.meta_salvage.alerts:
    host: 0.0.0.0
    port: 5001
    journal: /var/lib/meta-salvage-events
    token_file: /etc/meta-salvage-events/token
    cert_file: /etc/meta-salvage-events/tls.crt
    key_file: /etc/meta-salvage-events/tls.key
    confirm: true
"""

# ansible-rulebook runs this file by its path: what is beside it is not found otherwise.
sys.path.append(str(Path(__file__).resolve().parent))

from meta_salvage_events.options import Options
from meta_salvage_events.service import EventQueue, serve


async def main(queue: EventQueue, args: dict[str, Any]) -> None:
    """Called by ansible-rulebook."""
    await serve(queue, Options.of(args), args.get("eda_feedback_queue"))
