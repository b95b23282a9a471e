# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where secrets are found in what a bundle holds.  All are made when the tests run: none of them is one, for a scanner of repositories."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Callable
from random import Random
from typing import Any
from urllib.parse import quote

_LETTERS = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
STAMP = "2026-11-26T10:00:00.123456789Z "


def b64(text: str | bytes) -> str:
    return base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


def word(random: Random, length: int, letters: str = _LETTERS) -> str:
    return "".join(random.choices(letters, k=length))


def passwords(random: Random) -> dict[str, str]:
    """By what they look like; a digit is in each."""
    return {
        "letters": "q7" + word(random, 14),
        "hex": "a1" + word(random, 30, "0123456789abcdef"),
        "marks": "K9" + word(random, 5) + "!x%" + word(random, 5) + "$z#" + word(random, 3),
        "base64": b64("m3" + word(random, 22)),
        "short": "z8" + word(random, 6),
    }


def _manifest(secret: str) -> dict[str, Any]:
    container = {"name": "api", "image": "api:1", "env": [{"name": "LOG", "value": "info"}, {"name": "DB_PASSWORD", "value": secret}]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "api"},
        "spec": {"template": {"spec": {"containers": [container]}}},
    }


def _config_map(**data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": data}


def _line(**fields: Any) -> str:
    return json.dumps({"level": "info", "ts": "2026-11-26T10:00:00Z", **fields})


def _lettered(secret: str) -> str:
    return "".join(one if one.isalnum() else "x" for one in secret)


# Nobody knows these values; they are found by the form, or by the name beside them.
OBJECTS: dict[str, Callable[[str], Any]] = {
    "Secret data": lambda s: {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": {"anything": b64(s)}},
    "Secret stringData": lambda s: {"kind": "Secret", "apiVersion": "v1", "metadata": {"name": "s"}, "stringData": {"anything": s}},
    "Secrets in a list": lambda s: {
        "kind": "SecretList",
        "apiVersion": "v1",
        "items": [{"metadata": {"name": "s"}, "data": {"x": b64(s)}}],
    },
    "Secret in an admission review": lambda s: {
        "request": {"object": {"kind": "Secret", "apiVersion": "v1", "metadata": {}, "data": {"x": b64(s)}}}
    },
    "environment": _manifest,
    "environment of an init container": lambda s: {"initContainers": [{"env": [{"name": "API_TOKEN", "value": s}]}]},
    "argument": lambda s: {"containers": [{"args": ["--db-password=" + s, "--verbose"]}]},
    "argument behind its flag": lambda s: {"containers": [{"command": ["app", "--token", s, "--verbose"]}]},
    "argument of a shell": lambda s: {"containers": [{"command": ["sh", "-c", f"exec app --password '{s}' --port 80"]}]},
    "argument of curl": lambda s: {"livenessProbe": {"exec": {"command": ["curl", "-u", f"admin:{s}", "http://localhost/"]}}},
    "header of a probe": lambda s: {"httpGet": {"httpHeaders": [{"name": "Authorization", "value": f"Bearer {s}"}]}},
    "annotation": lambda s: {"metadata": {"annotations": {"example.com/api-key": s}}},
    "last-applied annotation": lambda s: {
        "kind": "Deployment",
        "metadata": {"annotations": {"kubectl.kubernetes.io/last-applied-configuration": json.dumps(_manifest(s)) + "\n"}},
    },
    "last-applied annotation of a Secret": lambda s: {
        "kind": "Secret",
        "metadata": {
            "annotations": {
                "kubectl.kubernetes.io/last-applied-configuration": json.dumps(
                    {"kind": "Secret", "apiVersion": "v1", "data": {"x": b64(s)}}
                )
            }
        },
    },
    "ConfigMap key": lambda s: _config_map(DB_PASSWORD=s),
    "ConfigMap YAML": lambda s: _config_map(**{"app.yaml": f"database:\n  user: app\n  password: '{s}'\n  port: 5432\n"}),
    "ConfigMap YAML block": lambda s: _config_map(**{"app.yaml": f"database:\n  password: |-\n    {s}\n  port: 5432\n"}),
    "ConfigMap YAML list": lambda s: _config_map(
        **{"app.yaml": f'env:\n  - name: API_SECRET\n    value: "{s}"\n  - name: X\n    value: y\n'}
    ),
    "ConfigMap with a Secret": lambda s: _config_map(
        **{"all.yaml": f"apiVersion: v1\nkind: Secret\nmetadata:\n  name: x\ndata:\n  anything: {b64(s)}\n"}
    ),
    "ConfigMap properties": lambda s: _config_map(
        **{"app.properties": f"spring.datasource.username=app\nspring.datasource.password={s}\n"}
    ),
    "ConfigMap ini": lambda s: _config_map(**{"grafana.ini": f"[security]\nadmin_user = admin\nadmin_password = {s}\n"}),
    "ConfigMap TOML": lambda s: _config_map(**{"app.toml": f'[auth]\nclient_secret = "{s}"\nissuer = "https://x.example.com"\n'}),
    "ConfigMap JSON": lambda s: _config_map(**{"app.json": json.dumps({"db": {"user": "app", "password": s}}, indent=2)}),
    "ConfigMap XML": lambda s: _config_map(**{"a.xml": f'<beans><property name="password" value="{s.replace("%", "x")}"/></beans>'}),
    "ConfigMap script": lambda s: _config_map(**{"run.sh": f"#!/bin/sh\nexport DB_PASSWORD='{s}'\nexec app\n"}),
    "ConfigMap .env": lambda s: _config_map(**{".env": f"PORT=80\nSECRET_KEY_BASE={s}\n"}),
    "ConfigMap redis.conf": lambda s: _config_map(**{"redis.conf": f"maxmemory 1gb\nrequirepass {s}\nport 6379\n"}),
    "ConfigMap base64": lambda s: _config_map(blob=b64(json.dumps({"user": "app", "password": s}))),
    "ConfigMap .npmrc": lambda s: _config_map(**{".npmrc": f"registry=https://r.example.com/\n//r.example.com/:_authToken={s}\n"}),
    "ConfigMap .netrc": lambda s: _config_map(**{".netrc": f"machine git.example.com login bob password {s}\n"}),
    "ConfigMap .netrc, lines": lambda s: _config_map(**{".netrc": f"machine git.example.com\n  login bob\n  password {s}\n"}),
    "ConfigMap .pgpass": lambda s: _config_map(**{".pgpass": f"db.example.com:5432:orders:app:{s}\n"}),
    "ConfigMap .git-credentials": lambda s: _config_map(**{".git-credentials": f"https://bob:{quote(s, safe='')}@git.example.com\n"}),
    "ConfigMap docker": lambda s: _config_map(**{"config.json": json.dumps({"auths": {"r.example.com": {"auth": b64("bob:" + s)}}})}),
    "ConfigMap kubeconfig": lambda s: _config_map(kubeconfig=f"apiVersion: v1\nusers:\n- name: a\n  user:\n    token: {s}\n"),
    "Helm release": lambda s: {
        "kind": "ConfigMap",
        "data": {"release": b64(b64(gzip.compress(json.dumps({"config": {"pw": s}, "x": "y" * 200}).encode())))},
    },
    "connection string": lambda s: {
        "env": [{"name": "DATABASE_URL", "value": f"postgres://app:{quote(s, safe='')}@db:5432/orders?sslmode=require"}]
    },
    "decision log": lambda s: {
        "decision_id": "x",
        "input": {"request": {"headers": {"Authorization": f"Bearer {s}"}}},
        "result": {"allow": True},
    },
    "decision log, lists": lambda s: {"input": {"attributes": {"headers": {"cookie": [f"session={s}; theme=dark"], "x-api-key": [s]}}}},
    "JSON in JSON in JSON": lambda s: {"a": json.dumps({"b": json.dumps({"clientSecret": s})})},
    "list under a name": lambda s: {"passwords": [s], "oldPassword": [s]},
    "custom resource": lambda s: {"kind": "Database", "spec": {"rootPassword": {"value": s}, "u": {"password": {"plainText": s}}}},
    "custom resource with a webhook": lambda s: {
        "kind": "Alerts",
        "spec": {"webhookUrl": f"https://h.example.com/{quote(s, safe='')}"},
    },
    "keys of Vault": lambda s: {"unseal_keys_b64": [s, s], "recovery_keys_b64": [s]},
    "patch of a Secret": lambda s: {"stringData": {"anything": s}},
    "coloured message": lambda s: {"kind": "Pod", "status": {"message": f"\x1b[36mpassword\x1b[0m={s}"}},
    "ConfigMap PHP": lambda s: _config_map(**{"wp-config.php": f"<?php\ndefine('DB_PASSWORD', '{s}');\n"}),
    "ConfigMap Fluent Bit": lambda s: _config_map(**{"fluent-bit.conf": f"[OUTPUT]\n    Host es\n    HTTP_Passwd  {s}\n    tls On\n"}),
    "ConfigMap HCL": lambda s: _config_map(**{"a.hcl": f"token = <<EOT\n{s}\nEOT\nport = 80\n"}),
    "ConfigMap YAML list, value first": lambda s: _config_map(**{"a.yaml": f'env:\n  - value: "{s}"\n    name: API_SECRET\n'}),
    "argument of mongodump": lambda s: {"containers": [{"command": ["mongodump", "-h", "db", "-u", "root", "-p", s]}]},
    "number": lambda s: {"password": 73519046, "note": "the password was set"},
}

TEXTS: dict[str, Callable[[str], str]] = {
    "log: assignment": lambda s: f"connecting with user=app password={s} to db",
    "log: quoted": lambda s: f'loaded config db_password="{s}" pool=5',
    "log: colon": lambda s: f"Using password: {s}",
    "log: said": lambda s: f"Initial admin password is {s}",
    "log: said for a user": lambda s: f"Generated password for user postgres: {s}",
    "log: said in quotes": lambda s: f"login failed with password '{s}' for bob",
    "log: JSON": lambda s: _line(msg="start", config={"db": {"password": s}}),
    "log: JSON with a message": lambda s: _line(msg=f"connecting with password={s}", n=1),
    "log: JSON with arguments": lambda s: _line(msg="start", args=["--api-key", s, "--v"]),
    "log: JSON in JSON": lambda s: _line(msg=json.dumps({"headers": {"X-Auth-Token": s}})),
    "log: JSON, cut": lambda s: _line(password=s, more="x" * 20)[:-10],
    "log: logfmt": lambda s: f'level=info msg="start" api_token={s} port=80',
    "log: Go struct": lambda s: f"config: {{Host:db Port:5432 User:app Password:{s} SSL:true}}",
    "log: Go header": lambda s: f"request headers: map[Accept:[*/*] Authorization:[Bearer {s}]]",
    "log: Go variables": lambda s: f"env: [{{Name:DB_PASSWORD Value:{s} ValueFrom:nil}}]",
    "log: Python dict": lambda s: f"settings: {{'host': 'db', 'password': {s!r}}}",
    "log: Python environ": lambda s: f"environ({{'HOME': '/root', 'API_SECRET': {s!r}}})",
    "log: Java toString": lambda s: f"DataSourceProperties{{url=jdbc:postgresql://db/x, username=app, password={s}}}",
    "log: Ruby hash": lambda s: f'params: {{:user=>"bob", :password=>"{s.replace("#", "x")}"}}',
    "log: PHP": lambda s: f"array('user' => 'bob', 'password' => '{s}')",
    "log: stack trace": lambda s: f"    conn = connect(host='db', password='{s}')",
    "log: SQL": lambda s: f"CREATE USER app WITH PASSWORD '{s}'",
    "log: SQL, MySQL": lambda s: f"CREATE USER 'app'@'%' IDENTIFIED BY '{s}'",
    "log: command": lambda s: f"+ mysqldump -h db -uroot -p'{s}' orders",
    "log: command with PGPASSWORD": lambda s: f"+ PGPASSWORD='{s}' psql -h db",
    "log: command with a login": lambda s: f"$ docker login -u bob -p '{s}' r.example.com",
    "log: command sshpass": lambda s: f"sshpass -p '{s}' ssh host",
    "log: command redis-cli": lambda s: f"redis-cli -h redis -a '{s}' ping",
    "log: curl with a user": lambda s: f"curl -s -u 'bob:{s}' https://x.example.com/",
    "log: curl with a header": lambda s: f"curl -H 'X-API-Key: {s}' https://x.example.com/",
    "log: helm": lambda s: f"helm upgrade x chart --set db.password='{s}' --wait",
    "log: name in one word": lambda s: f"DBPASS={s}",
    "log: keytool": lambda s: f"keytool -list -storepass '{s}' -v",
    "log: coloured": lambda s: f"\x1b[36mINFO\x1b[0m[0000] start \x1b[36mpassword\x1b[0m={s}",
    "log: coloured JSON": lambda s: f'\x1b[34;1m"password"\x1b[0m\x1b[1;39m:\x1b[0m \x1b[0;32m{json.dumps(s)}\x1b[0m',
    "log: colours of JSON": lambda s: _line(msg=f"\x1b[36mtoken\x1b[0m={s}"),
    "log: .NET JSON": lambda s: "body {\\u0022password\\u0022:\\u0022" + s + "\\u0022,\\u0022a\\u0022:1}",
    "log: JSON in hex": lambda s: "body {\\x22password\\x22:\\x22" + s + "\\x22}",
    "log: JSON in HTML": lambda s: f"{{&quot;password&quot;:&quot;{s}&quot;,&#34;secret&#34;:&#34;{s}&#34;}}",
    "log: inner JSON": lambda s: f"config {json.dumps({'password': {'value': s}})} loaded",
    "log: body of a Secret": lambda s: f'Response Body: {{"kind":"Secret","data":{{"x":"{b64(s)}","y":"{b64(s)}"}},"type":"Op [cut]',
    "log: Secret in JSON in a text": lambda s: "applied " + json.dumps(json.dumps({"kind": "Secret", "data": {"x": b64(s)}})),
    "log: patch of a Secret": lambda s: f"patching {json.dumps({'stringData': {'x': s}})}",
    "log: Vault": lambda s: f"Unseal Key 1: {s}\nUnseal Key 2: {s}\n",
    "log: Vault JSON": lambda s: f"init {json.dumps({'unseal_keys_b64': [s, s]})} done",
    "log: kubectl create secret": lambda s: f"kubectl create secret generic x --from-literal=anything='{s}'",
    "log: SMTP": lambda s: f"send: 'AUTH PLAIN {b64(chr(0) + 'bob' + chr(0) + s)}'",
    "log: command ldapsearch": lambda s: f"ldapsearch -x -D cn=admin -w '{s}' -b dc=x",
    "log: command mongosh": lambda s: f"mongosh -u root -p '{s}' --quiet",
    "log: command mc": lambda s: f"mc alias set local http://minio:9000 admin '{s}'",
    "log: command rabbitmqctl": lambda s: f"rabbitmqctl add_user bob '{s}'",
    "log: command htpasswd": lambda s: f"htpasswd -bnBC 10 bob '{s.replace('&', 'x')}'",
    "log: command sqlcmd": lambda s: f"sqlcmd -S db -U sa -P '{s}' -Q x",
    "log: HAProxy": lambda s: f"stats auth admin:{s}",
    "log: Azure DevOps": lambda s: f"AZURE_DEVOPS_EXT_PAT={s}",
    "log: SNMP": lambda s: f"snmp_community: {s}",
    "log: key of Wi-Fi": lambda s: f'psk="{s}"',
    "log: kubeadm": lambda s: f"kubeadm join 10.0.0.1:6443 --certificate-key {s}",
    "kubectl describe": lambda s: f"    Args:\n      --password\n      {s}\n    State: Running\n",
    "Secret in flow style": lambda s: f"kind: Secret\ndata: {{anything: {b64(s)}}}\n",
    "private key without its start": lambda s: f"{_lettered(s) * 9}\n-----END PRIVATE KEY-----",
    "MySQL DSN with marks": lambda s: f"dsn: app:/{s}@tcp(db:3306)/orders",
    "URL in a URL": lambda s: f"next=http%3A%2F%2Fbob%3A{quote(s, safe='')}%40h%2Fx",
    "URL of Slack in PHP": lambda s: f"https:\\/\\/hooks.slack.com\\/services\\/T0\\/B0\\/{_lettered(s)}",
    "URL with a user": lambda s: f"cloning https://bob:{quote(s, safe='')}@git.example.com/x.git",
    "URL with a token": lambda s: f"GET https://x.example.com/cb?state=1&access_token={quote(s, safe='')}&x=1 200",
    "URL of redis": lambda s: f"cache: redis://:{quote(s, safe='')}@redis:6379/0",
    "URL of AMQP": lambda s: f"amqp://app:{quote(s, safe='')}@mq:5672/%2f is unreachable",
    "URL of MongoDB": lambda s: f"mongodb+srv://app:{quote(s, safe='')}@c0.example.net/db",
    "URL, signed": lambda s: f"https://x.blob.core.windows.net/c/f?sv=2024-01-01&se=2026&sig={quote(s, safe='')}",
    "MySQL DSN": lambda s: f"dsn: app:{s.replace('#', 'x').replace('%', 'y')}@tcp(db:3306)/orders?parseTime=true",
    "JDBC": lambda s: f"jdbc:sqlserver://db:1433;databaseName=x;user=sa;password={s};encrypt=true",
    "JDBC, URL": lambda s: f"jdbc:postgresql://db/x?user=app&password={quote(s, safe='')}",
    "JDBC, Oracle": lambda s: f"jdbc:oracle:thin:scott/{s.replace('#', 'x').replace('%', 'y').replace('/', 'z')}@db:1521/x",
    "ADO": lambda s: f"Server=db;Database=x;User Id=app;Password={s};Encrypt=True",
    "ADO, Pwd": lambda s: f"Server=db;Uid=app;Pwd={s};",
    "Azure storage": lambda s: f"DefaultEndpointsProtocol=https;AccountName=x;AccountKey={b64(s * 3)};EndpointSuffix=core.windows.net",
    "Azure service bus": lambda s: f"Endpoint=sb://x.servicebus.windows.net/;SharedAccessKeyName=Root;SharedAccessKey={b64(s)}",
    "libpq": lambda s: f"host=db port=5432 dbname=x user=app password='{s}' sslmode=require",
    "header": lambda s: f"> Authorization: Bearer {s}",
    "header, basic": lambda s: f"> Authorization: Basic {b64('bob:' + s)}",
    "header, token": lambda s: f"Authorization: token {s}",
    "header, key": lambda s: f"Ocp-Apim-Subscription-Key: {s}",
    "header, Vault": lambda s: f"x-vault-token: {s}",
    "header, AWS": lambda s: f"Authorization: AWS4-HMAC-SHA256 Credential=x/20261126/eu/s3/aws4_request, SignedHeaders=host, Signature={s}",
    "cookie": lambda s: f"Cookie: theme=dark; session={s}; lang=en",
    "cookie, set": lambda s: f"< Set-Cookie: sid={s}; Path=/; HttpOnly; Secure",
    "cookie, Java": lambda s: f"redirecting to /cart;JSESSIONID={s}",
    "cookie, nginx": lambda s: f'10.0.0.1 "GET / HTTP/1.1" 200 cookie="sid={s}; a=b"',
    "shell": lambda s: f"export API_TOKEN='{s}'",
    "shell, joined": lambda s: f"TOKEN='{s[:4]}'\"{s[4:].replace('$', 'x')}\"",
    "YAML folded": lambda s: f"  client_secret: >-\n    {s[:5]}\n    {s[5:]}\n  issuer: x",
    "YAML in JSON": lambda s: json.dumps({"data": f"a: b\npassword: {s}\nport: 80\n"}),
    "Dockerfile": lambda s: f"Step 3/9 : ENV NPM_TOKEN={s}",
    "terraform": lambda s: f'  + db_password = "{s}"',
    "event": lambda s: f'Error: failed to start: exec: "app --token={s}": not found',
    "htpasswd": lambda s: f"bob:$apr1$q7k3${word(Random(s), 22)}",
    "AWS file": lambda s: f"[default]\naws_access_key_id = x\naws_secret_access_key = {s}\nregion = eu-central-1",
    "base64 of JSON": lambda s: f"config: {b64(json.dumps({'client_secret': s, 'tenant': 'x'}))}",
    "base64 of YAML, folded": lambda s: (
        "data:\n" + "\n".join(_folded(b64("# some settings of an application\nuser: app\n" * 3 + f"password: {s}\n"), 76))
    ),
}


def _folded(text: str, width: int) -> list[str]:
    return ["  " + text[at : at + width] for at in range(0, len(text), width)]


def tokens(random: Random) -> dict[str, str]:
    """Each is recognized wherever it stands, without a name beside it."""

    def some(length: int, letters: str = _LETTERS) -> str:
        return word(random, length, letters)

    hexes, upper, uuid = (
        "0123456789abcdef",
        "ABCDEFGHJKLMNPQRSTUVWXYZ234567",
        "-".join(some(n, "0123456789abcdef") for n in (8, 4, 4, 4, 12)),
    )
    return {
        "JWT": ".".join([*(b64(json.dumps(part)).rstrip("=") for part in ({"alg": "RS256", "kid": some(5)}, {"sub": some(9)})), some(43)]),
        "GitHub": "gh" + "p_" + some(36),
        "GitHub app": "gh" + "s_" + some(36),
        "GitHub fine": "github" + "_pat_" + some(22) + "_" + some(59),
        "GitLab": "gl" + "pat-" + some(20),
        "GitLab runner": "gl" + "rt-" + some(20),
        "Slack": "xo" + "xb-" + some(12, "0123456789") + "-" + some(24),
        "Slack hook": "https://hooks." + "slack.com/services/T" + some(8) + "/B" + some(8) + "/" + some(24),
        "Stripe": "sk" + "_live_" + some(24),
        "Stripe restricted": "rk" + "_live_" + some(24),
        "Stripe hook": "wh" + "sec_" + some(32),
        "AWS": "AK" + "IA" + some(16, upper),
        "AWS session": "AS" + "IA" + some(16, upper),
        "Google": "AI" + "za" + some(35),
        "Google OAuth": "ya" + "29." + some(60),
        "Google client": "GOC" + "SPX-" + some(28),
        "Azure": some(3) + "8Q" + "~" + some(34),
        "Twilio": "S" + "K" + some(32, hexes),
        "SendGrid": "S" + "G." + some(22) + "." + some(43),
        "npm": "np" + "m_" + some(36),
        "PyPI": "py" + "pi-" + some(80),
        "Hugging Face": "h" + "f_" + some(34),
        "OpenAI": "s" + "k-proj-" + some(48),
        "Anthropic": "s" + "k-ant-api03-" + some(80),
        "Vault": "hv" + "s." + some(24),
        "Grafana": "gl" + "sa_" + some(32) + "_" + some(8),
        "DigitalOcean": "do" + "p_v1_" + some(64, hexes),
        "Docker": "dckr" + "_pat_" + some(27),
        "Shopify": "shp" + "at_" + some(32, hexes),
        "Sentry": "sntry" + "s_" + some(60),
        "New Relic": "NR" + "AK-" + some(27, upper),
        "Tailscale": "tskey" + "-auth-" + some(24),
        "Databricks": "da" + "pi" + some(32, hexes),
        "Mailgun": "ke" + "y-" + some(32, hexes),
        "Mailchimp": some(32, hexes) + "-us" + "12",
        "Terraform": some(14) + ".atlas" + "v1." + some(60),
        "Discord": "https://discord.com/api/" + "webhooks/" + some(18, "123456789") + "/" + some(60),
        "Discord with a version": "https://discord.com/api/v10/" + "webhooks/" + some(18, "123456789") + "/" + some(60),
        "VictorOps": "https://alert.victorops" + ".com/integrations/generic/1/alert/" + uuid + "/x",
        "Webex": "https://webexapis.com/v1/" + "webhooks/incoming/" + some(60),
        "Feishu": "https://open.feishu.cn/open-apis/" + "bot/v2/hook/" + uuid,
        "Mattermost": "https://chat.example.com/" + "hooks/" + some(26, "abcdefghijk123456789"),
        "Healthchecks": "https://hc-ping" + ".com/" + uuid,
        "JWE": "ey" + "JhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0.." + some(16) + "." + some(60) + "." + some(22),
        "GitLab runner, old": "GR13" + "48941" + some(20),
        "Teams": "https://x.webhook." + "office.com/webhookb2/" + uuid,
        "PagerDuty": "https://events.pagerduty" + ".com/integration/" + some(32, hexes) + "/enqueue",
        "PagerDuty user": "u" + "+" + some(18),
        "Telegram": some(9, "123456789") + ":A" + "A" + some(33),
        "age": "AGE-" + "SECRET-KEY-1" + some(58, upper),
        "kubeadm": some(6, "abcdef12") + "." + some(15, "abcdef12") + "7",
        "OpenShift": "sha256" + "~" + some(43),
        "Atlassian": "ATATT" + "3x" + some(60),
        "LaunchDarkly": "sdk" + "-" + uuid,
        "Linear": "lin" + "_api_" + some(40),
        "Postman": "PM" + "AK-" + some(24, hexes) + "-" + some(34, hexes),
        "bcrypt": "$2" + "y$10$" + some(53),
        "SCRAM": "SCRAM-" + "SHA-256$4096:" + some(24) + "$" + some(43) + ":" + some(43),
    }
