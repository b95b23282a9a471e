#!/usr/bin/python
# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: notification
short_description: Send messages to the people and systems that have to know
version_added: 0.1.0
author: Euystacio Meta Salvage contributors (@euystacio)
description:
  - Sends messages to PagerDuty, Opsgenie, Slack, Microsoft Teams, mail, status pages and signed webhooks, side by side and within a
    deadline.
  - Each message is rendered for each channel within the limits of the vendor, without credentials. A message for the audience V(public)
    keeps only the facts and links in O(public_facts), and no name in O(internal_names).
  - A channel that fails does not fail the task. The result has the reason, the fallback of the channel gets the message, and what could not
    be sent stays in the outbox and is sent by the next run.
  - The same message again is not sent. The outbox is the record of what was sent.
options:
  state:
    description:
      - V(sent) sends the messages, what is left in the outbox, and the escalations that are due.
      - V(tested) sends a test to each channel and returns who received it. It is not recorded. An alert that it creates is resolved at
        once. Nothing is published on a status page.
    type: str
    choices: [sent, tested]
    default: sent
  messages:
    description: The messages. Without one, only what is left from earlier runs is sent.
    type: list
    elements: dict
    default: []
    suboptions:
      title:
        description: What happened, in one line.
        type: str
        required: true
      dedup_key:
        description: The trouble that the message is about. Messages about the same one have the same key.
        type: str
        required: true
      severity:
        description: How bad it is. V(P0) is the worst.
        type: str
        choices: [P0, P1, P2, P3]
        default: P3
      summary:
        description: What happened, in some sentences.
        type: str
        default: ''
      facts:
        description: Names and values. C(cluster) is the cluster.
        type: dict
        default: {}
      links:
        description: Names and addresses. Only http and https addresses are kept.
        type: dict
        default: {}
      audience:
        description: Who may read it. Only V(public) goes to status pages.
        type: str
        choices: [engineers, stakeholders, public]
        default: engineers
      action:
        description: V(trigger) opens an alert, V(acknowledge) and V(resolve) change it, V(update) is information.
        type: str
        choices: [trigger, acknowledge, resolve, update]
        default: update
      kind:
        description: What it comes from, usually the name of the runbook.
        type: str
        default: other
  channels:
    description: The channels.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: The name that routes use. Without C(#).
        type: str
        required: true
      type:
        description:
          - V(slack) is the Web API, V(slack_webhook) an incoming webhook, V(teams) the webhook of a workflow.
          - V(statuspage) is Atlassian Statuspage. V(status_page) is any other page that takes a POST of JSON.
          - V(webhook) is signed as U(https://www.standardwebhooks.com) describes.
        type: str
        required: true
        choices: [pagerduty, opsgenie, slack, slack_webhook, teams, mail, statuspage, status_page, webhook]
      url:
        description:
          - The address. Required for V(slack_webhook), V(teams), V(status_page) and V(webhook). The others have the address of the vendor.
          - It has to be https, except on the loopback. Redirects are not followed.
        type: str
      api_url:
        description: The address of the REST API of PagerDuty. The default is U(https://api.pagerduty.com).
        type: str
      token:
        description: The token of the API. PagerDuty needs it only to be asked who is on call and whether somebody acknowledged.
        type: str
      routing_key:
        description: The integration key of PagerDuty.
        type: str
      secret:
        description: The secret of a V(webhook), at least 24 bytes, as C(whsec_BASE64) or as text.
        type: str
      channel:
        description: The channel of V(slack). The default is C(#euystacio-ops).
        type: str
      page:
        description: The id of the page of V(statuspage).
        type: str
      components:
        description: The components of a status page that the incidents are about.
        type: list
        elements: str
        default: []
      schedules:
        description: The schedules to ask who is on call, ids for PagerDuty and names for Opsgenie.
        type: list
        elements: str
        default: []
      policies:
        description: The ids of the escalation policies of PagerDuty to ask who is on call.
        type: list
        elements: str
        default: []
      responders:
        description: The teams of Opsgenie that an alert goes to.
        type: list
        elements: str
        default: []
      host:
        description: The mail server. It has to offer STARTTLS with a valid certificate.
        type: str
      port:
        description: The port of the mail server.
        type: int
        default: 587
      sender:
        description: The address that mail comes from.
        type: str
      recipients:
        description: The addresses that mail goes to, or names of contacts and rotations.
        type: list
        elements: str
        default: []
      username:
        description: The user of the mail server. Without one there is no login.
        type: str
      password:
        description: The password of the mail server.
        type: str
      ca_path:
        description: The certificate authorities, as a PEM file. The default is those of the system.
        type: path
      proxy:
        description: The HTTP proxy.
        type: str
      timeout:
        description: Seconds for each request.
        type: float
        default: 5
      fallback:
        description: The channel that gets a message that this one did not take.
        type: str
  routes:
    description: Which messages go to which channels. A message goes to the channels of every route that takes it, each once.
    type: list
    elements: dict
    default: []
    suboptions:
      channels:
        description: The names of the channels.
        type: list
        elements: str
        required: true
      severities:
        description: Only messages of these severities.
        type: list
        elements: str
        choices: [P0, P1, P2, P3]
        default: [P0, P1, P2, P3]
      kinds:
        description: Only messages of these kinds. The default is all.
        type: list
        elements: str
        default: []
      audiences:
        description: Only messages for these audiences.
        type: list
        elements: str
        choices: [engineers, stakeholders, public]
        default: [engineers]
      actions:
        description: Only messages with these actions.
        type: list
        elements: str
        choices: [trigger, acknowledge, resolve, update]
        default: [trigger, acknowledge, resolve, update]
      days:
        description: Only on these days. Hours over midnight belong to the day that they begin on.
        type: list
        elements: str
        choices: [mon, tue, wed, thu, fri, sat, sun]
        default: [mon, tue, wed, thu, fri, sat, sun]
      start:
        description: Only from this time of day.
        type: str
        default: '00:00'
      end:
        description: Only until this time of day. The same time as O(routes[].start) is the whole day.
        type: str
        default: '00:00'
      timezone:
        description: The time zone of the hours.
        type: str
        default: UTC
      escalate:
        description: Who gets a V(trigger) that nobody has acknowledged or resolved. A later run sends it when its time has come.
        type: list
        elements: dict
        default: []
        suboptions:
          after:
            description: The time since the message, such as C(15m).
            type: str
            default: 15m
          channels:
            description: The names of the channels.
            type: list
            elements: str
            required: true
      stop:
        description: Whether the routes after this one are not used for a message that it takes.
        type: bool
        default: false
  contacts:
    description: People and teams.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: The name that rotations, recipients and people of incidents use.
        type: str
        required: true
      mail:
        description: The mail address.
        type: str
      slack:
        description: The id of the user in Slack, such as C(U012AB3CD).
        type: str
      phone:
        description: The telephone number, for people. Nothing is sent to it.
        type: str
  rotations:
    description: Who has duty when, for teams without PagerDuty or Opsgenie.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: The name that recipients and people of incidents use.
        type: str
        required: true
      contacts:
        description: The names of the contacts, in their order.
        type: list
        elements: str
        required: true
      start:
        description: When the duty of the first contact began, such as C(2026-01-05T09:00).
        type: str
        required: true
      timezone:
        description: The time zone of O(rotations[].start). The duty changes at the same hour in winter and in summer.
        type: str
        default: UTC
      days:
        description: The days of each duty.
        type: int
        default: 7
  quiet_hours:
    description: When messages wait in the outbox.
    type: list
    elements: dict
    default: []
    suboptions:
      start:
        description: The time of day that they begin.
        type: str
        required: true
      end:
        description: The time of day that they end.
        type: str
        required: true
      timezone:
        description: The time zone of the hours.
        type: str
        default: UTC
      days:
        description: The days that they begin on.
        type: list
        elements: str
        choices: [mon, tue, wed, thu, fri, sat, sun]
        default: [mon, tue, wed, thu, fri, sat, sun]
      severities:
        description: The severities that wait.
        type: list
        elements: str
        choices: [P0, P1, P2, P3]
        default: [P2, P3]
      kinds:
        description: The kinds that wait. The default is all.
        type: list
        elements: str
        default: []
      channels:
        description: The channels that wait. The default is all.
        type: list
        elements: str
        default: []
  maintenance:
    description: When messages are expected. They are recorded and not sent. What is still wrong after it is sent then.
    type: list
    elements: dict
    default: []
    suboptions:
      start:
        description: When it begins, with an offset (C(2026-11-24T22:00:00+01:00)) or in O(maintenance[].timezone) (C(2026-11-24T22:00)).
        type: str
        required: true
      end:
        description: When it ends.
        type: str
        required: true
      timezone:
        description: The time zone of times without an offset.
        type: str
        default: UTC
      severities:
        description: The severities that are not sent.
        type: list
        elements: str
        choices: [P0, P1, P2, P3]
        default: [P1, P2, P3]
      kinds:
        description: The kinds that are not sent. The default is all.
        type: list
        elements: str
        default: []
      clusters:
        description: Only messages with one of these clusters in the fact C(cluster). The default is all.
        type: list
        elements: str
        default: []
      reason:
        description: What the record says.
        type: str
        default: maintenance
  flood:
    description:
      - How many messages of one severity and audience a channel gets. The last of them stands for all the others, with their number.
      - Each message stays in the record.
    type: dict
    suboptions:
      limit:
        description: The number of messages.
        type: int
        default: 10
      seconds:
        description: The time that they are counted in.
        type: int
        default: 300
  incident:
    description: An incident that has a channel of its own in each O(channels) of the type V(slack). The messages go there too.
    type: dict
    suboptions:
      id:
        description: The id of the incident. The channel is C(#incident-ID).
        type: str
        required: true
      state:
        description: V(present) creates the channel, V(archived) archives it after the messages were sent.
        type: str
        choices: [present, archived]
        default: present
      topic:
        description: The topic of the channel.
        type: str
        default: ''
      people:
        description: The contacts, rotations and user ids to invite.
        type: list
        elements: str
        default: []
  changes_only:
    description: The kinds of which a V(resolve) is sent only after a V(trigger).
    type: list
    elements: str
    default: [health]
  public_facts:
    description: The names of the facts and links that everybody may read.
    type: list
    elements: str
    default: []
  internal_names:
    description: Names that a message for the audience V(public) must not have. Internal addresses are found by their form.
    type: list
    elements: str
    default: []
  secrets:
    description: Values that must be in no message.
    type: list
    elements: str
    default: []
  outbox:
    description: The directory of the record. The default is C(notify/outbox) in the state directory of the collection.
    type: path
  deadline:
    description: Seconds for everything together.
    type: float
    default: 30
  max_age:
    description: How long a message that could not be sent is tried.
    type: str
    default: 24h
  keep_days:
    description: How many days the record keeps a message that was sent.
    type: int
    default: 30
  on_call:
    description: Whether to return who is on call in PagerDuty and Opsgenie.
    type: bool
    default: false
attributes:
  check_mode:
    description: Can run in check mode and report what it would change, without changing anything.
    support: full
    details: It returns each payload without secrets. Nothing is sent or recorded.
  diff_mode:
    description: Shows what changed.
    support: none
  idempotent:
    description: A second run changes nothing.
    support: full
    details: The same message again is not sent.
requirements:
  - urllib3
seealso:
  - module: euystacio.meta_salvage.alert_info
"""

EXAMPLES = r"""
- name: Report an outage, and resolve it with the same key later
  euystacio.meta_salvage.notification:
    messages:
      - title: The API is down
        severity: P1
        action: trigger
        kind: incident
        dedup_key: incident/2026-17
        summary: 40 % of the requests fail since 14:05.
        facts: {cluster: production-eu, owner: infrastructure}
    channels:
      - name: pager
        type: pagerduty
        routing_key: "{{ vault_pagerduty_key }}"
        fallback: mail
      - name: ops
        type: slack_webhook
        url: "{{ vault_slack_webhook }}"
      - name: mail
        type: mail
        host: smtp.example.com
        sender: runbook@example.com
        recipients: [infrastructure]
    contacts:
      - name: infrastructure
        mail: infrastructure@example.com
    routes:
      - severities: [P0, P1]
        channels: [pager]
        escalate:
          - after: 15m
            channels: [mail]
      - channels: [ops]

- name: Send what is left in the outbox
  euystacio.meta_salvage.notification:
    channels: "{{ notify_channels }}"
    routes: "{{ notify_routes }}"
"""

RETURN = r"""
messages:
  description:
    - The messages of this run, and those of earlier ones that it sent or tried to send.
    - RV(messages[].status) is V(sent), V(repeated), V(unrouted), V(pending), V(held), V(skipped), V(dropped) or V(expired).
  returned: with O(state=sent)
  type: list
  elements: dict
  contains:
    id:
      description: The name in the outbox.
      type: str
      returned: always
      sample: 001795729533000-9f86d081884c
    title:
      description: The title.
      type: str
      returned: always
      sample: The API is down
    severity:
      description: The severity.
      type: str
      returned: always
      sample: P1
    action:
      description: The action.
      type: str
      returned: always
      sample: trigger
    dedup_key:
      description: The key.
      type: str
      returned: always
      sample: incident/2026-17
    status:
      description: What became of the message.
      type: str
      returned: always
      sample: sent
    channels:
      description:
        - What became of it in each channel. C(status) is V(sent), V(grouped) in a message for many, V(fallback), V(pending), V(held),
          V(skipped), V(dropped) or V(expired). C(via) is the fallback or the group that carried it. C(says) has the reason.
      type: list
      elements: dict
      returned: always
      sample:
        - channel: pager
          step: 0
          status: fallback
          via: mail
          tries: 4
          reason: ""
          says: "pager failed: events.pagerduty.com answered 503"
          id: <5b1f0c2b9a@example.com>
sent:
  description: How many messages arrived in channels.
  returned: with O(state=sent)
  type: int
  sample: 2
pending:
  description: How many are left in the outbox.
  returned: with O(state=sent)
  type: int
  sample: 0
problems:
  description: What went wrong, a sentence each.
  returned: always
  type: list
  elements: str
  sample: ["pager: events.pagerduty.com answered 503"]
incident_channels:
  description: The channels of the incident, by the name of their Slack.
  returned: with O(state=sent)
  type: dict
  sample: {"ops": {"id": "C012AB3CD", "name": "incident-2026-17", "state": "present"}}
outbox:
  description: The directory of the record.
  returned: with O(state=sent)
  type: str
  sample: /home/ops/.local/state/meta-salvage/notify/outbox
payloads:
  description: What would be sent to each channel, without secrets.
  returned: with O(state=sent) in check mode
  type: list
  elements: dict
  sample:
    - channel: pager
      dedup_key: incident/2026-17
      messages: 1
      payload: {"routing_key": "(hidden)", "event_action": "resolve", "dedup_key": "incident/2026-17"}
received:
  description: Each channel, whether the test arrived, and who received it.
  returned: with O(state=tested)
  type: list
  elements: dict
  sample:
    - {"channel": "mail", "type": "mail", "ok": true, "who": ["infrastructure@example.com"], "says": ""}
on_call:
  description: Who is on call, by channel.
  returned: with O(on_call=true)
  type: dict
  sample: {"pager": {"people": [{"name": "Ada", "level": 1, "until": "2026-11-30T08:00:00Z"}], "problem": ""}}
"""

from ..module_utils._core.errors import conclude
from ..module_utils._core.module import SalvageModule
from ..module_utils._notify import task


def main() -> None:
    module = SalvageModule(**task.MODULE)
    conclude(module, lambda: task.run(module.params, check_mode=module.check_mode))


if __name__ == "__main__":
    main()
