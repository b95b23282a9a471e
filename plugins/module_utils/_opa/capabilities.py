# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a policy may call where the module runs: functions that compute, none that reach the network, the environment or OPA itself.  Pure.

The list names what is allowed, so a function that a later OPA adds is withheld until it is added here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_ALLOWED = frozenset(
    """
    abs all and any array.concat array.flatten array.reverse array.slice assign
    base64.decode base64.encode base64.is_valid base64url.decode base64url.encode base64url.encode_no_pad
    bits.and bits.lsh bits.negate bits.or bits.rsh bits.xor
    cast_array cast_boolean cast_null cast_object cast_set cast_string ceil concat contains count
    crypto.hmac.equal crypto.hmac.md5 crypto.hmac.sha1 crypto.hmac.sha256 crypto.hmac.sha512 crypto.md5 crypto.sha1 crypto.sha256
    crypto.x509.parse_and_verify_certificates crypto.x509.parse_certificate_request crypto.x509.parse_certificates
    div endswith eq equal floor format_int glob.match glob.quote_meta graph.reachable graph.reachable_paths
    graphql.is_valid graphql.parse graphql.parse_and_verify graphql.parse_query graphql.parse_schema graphql.schema_is_valid
    gt gte hex.decode hex.encode indexof indexof_n
    internal.member_2 internal.member_3 internal.print internal.template_string internal.test_case intersection
    io.jwt.decode io.jwt.decode_verify io.jwt.verify_eddsa io.jwt.verify_es256 io.jwt.verify_es384 io.jwt.verify_es512
    io.jwt.verify_hs256 io.jwt.verify_hs384 io.jwt.verify_hs512 io.jwt.verify_ps256 io.jwt.verify_ps384 io.jwt.verify_ps512
    io.jwt.verify_rs256 io.jwt.verify_rs384 io.jwt.verify_rs512
    is_array is_boolean is_null is_number is_object is_set is_string
    json.filter json.is_valid json.marshal json.marshal_with_options json.patch json.remove json.unmarshal
    lower lt lte max min minus mul neq
    net.cidr_contains net.cidr_contains_matches net.cidr_expand net.cidr_intersects net.cidr_is_valid net.cidr_merge net.cidr_overlap
    numbers.range numbers.range_step
    object.filter object.get object.keys object.remove object.subset object.union object.union_n or plus print product
    re_match regex.find_all_string_submatch_n regex.find_n regex.globs_match regex.is_valid regex.match regex.replace regex.split
    regex.template_match rego.metadata.chain rego.metadata.rule rem replace round
    semver.compare semver.is_valid set_diff sort split sprintf startswith
    strings.any_prefix_match strings.any_suffix_match strings.count strings.render_template strings.replace_n strings.reverse
    strings.split_n substring sum
    time.add_date time.clock time.date time.diff time.format time.now_ns time.parse_duration_ns time.parse_ns time.parse_rfc3339_ns
    time.weekday
    to_number trace trim trim_left trim_prefix trim_right trim_space trim_suffix type_name
    union units.parse units.parse_bytes upper uri.is_valid uri.parse urlquery.decode urlquery.decode_object urlquery.encode
    urlquery.encode_object uuid.parse walk yaml.is_valid yaml.marshal yaml.unmarshal
    """.split()  # noqa: SIM905  two hundred lines would be harder to read
)
_LANGUAGE = ("future_keywords", "features", "wasm_abi_versions")
_UNDEFINED = re.compile(r"undefined function ([A-Za-z0-9_.]+)")


def restricted(capabilities: Mapping[str, Any]) -> dict[str, Any]:
    """The capabilities of an OPA, as ``opa capabilities`` prints them, with the allowed functions alone and without hosts to reach."""
    builtins = [item for item in capabilities["builtins"] if isinstance(item, dict) and item.get("name") in _ALLOWED]
    return {"builtins": builtins, **{name: capabilities[name] for name in _LANGUAGE if name in capabilities}, "allow_net": []}


def withheld(problem: str, capabilities: Mapping[str, Any]) -> str:
    """OPA's complaint, with the reason where it is about a function that OPA has and policies may not call here."""
    match = _UNDEFINED.search(problem)
    names = {item.get("name") for item in capabilities["builtins"] if isinstance(item, dict)}
    if match and match[1] in names - _ALLOWED:
        return f"{problem}: policies are evaluated here without network, environment and runtime; remove {match[1]} from the policy"
    return problem
