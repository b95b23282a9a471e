# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Arguments from a rulebook: text where numbers belong, variables that nobody has set, and no source without a proof of who sends."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from alert_source import SOURCE
from meta_salvage_events.options import OptionError, Options

GOOD: dict[str, Any] = {"journal": "/j", "port": "5001", "token_file": "/t"}


def test_text_from_a_template_is_read_as_what_it_means() -> None:
    found = Options.of(
        {**GOOD, "confirm": "True", "throttle_seconds": "2.5", "group_by": "a, b", "client_names": [], "hmac_file": "", "feedback": True}
    )
    assert (found.port, found.confirm, found.throttle_seconds, found.group_by) == (5001, True, 2.5, ("a", "b"))
    assert (found.journal, found.hmac_file, found.client_names) == (Path("/j"), None, ())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"token_file": ""}, "only taken from a sender that proves who it is"),
        ({"token_file": None}, "only taken from a sender that proves who it is"),
        ({"tokenfile": "/t"}, "has no argument tokenfile"),
        ({"port": None}, "needs the argument port"),
        ({"journal": ""}, "journal"),
        ({"port": "many"}, "port has to be a whole number"),
        ({"port": 5001.5}, "port has to be a whole number"),
        ({"port": True}, "port has to be a whole number"),
        ({"port": 70000}, "between 0 and 65535"),
        ({"confirm": "perhaps"}, "confirm has to be true or false"),
        ({"max_body": 0}, "max_body has to be above 0"),
        ({"request_seconds": "nan"}, "request_seconds has to be a number"),
        ({"throttle_seconds": -1}, "cannot be negative"),
        ({"group_by": [1]}, "group_by has to be a list of texts"),
        ({"host": "0.0.0.0"}, "would come to 0.0.0.0 in clear"),
        ({"host": ""}, "host has to be a text"),
        ({"cert_file": "/c"}, "belong together"),
        ({"client_ca_file": "/c"}, "needs TLS"),
        ({"client_names": ["a"]}, "set client_ca_file too"),
        ({"hmac_header": "a: b"}, "not the name of a header"),
        ({"cert_file": 1}, "cert_file has to be a path"),
    ],
)
def test_a_wrong_argument_is_one_sentence(change: dict[str, Any], words: str) -> None:
    with pytest.raises(OptionError, match=words) as error:
        Options.of({**GOOD, **change})
    assert "\n" not in str(error.value)


def test_the_documentation_has_every_option_with_its_default() -> None:
    text = (SOURCE / "alerts.py").read_text().split('DOCUMENTATION = r"""')[1].split('"""')[0]
    documented = yaml.safe_load(text)["options"]
    found = Options.of(GOOD)
    assert documented.keys() == Options.__dataclass_fields__.keys()
    for name, option in documented.items():
        assert option.get("required", False) == (name in ("journal", "port")), name
        if "default" in option:
            default = getattr(found, name)
            assert option["default"] == (list(default) if isinstance(default, tuple) else default), name
