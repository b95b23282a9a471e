# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._terraform.inputs import backend_text, check_arguments, environment


def test_arguments_that_are_allowed() -> None:
    check_arguments([])
    check_arguments(
        ["-var-file=production.tfvars", "--var-file=a b", '-target=a.b["x"]', "-parallelism=3", "-refresh=false", "-compact-warnings"]
    )


@pytest.mark.parametrize("argument", ["-var=p=SECRET", "--var=p=SECRET", "-var", "-var=p=\nSECRET"])
def test_a_value_of_a_variable_among_the_arguments_is_refused_and_not_quoted(argument: str) -> None:
    with pytest.raises(SalvageError, match=r"arguments: number 2 .* use variables instead") as caught:
        check_arguments(["-compact-warnings", argument])
    assert caught.value.reason == "bad_input"
    assert "SECRET" not in str(caught.value)


@pytest.mark.parametrize(
    "argument",
    ["-destroy", "-replace=a.b", "-out=/etc/passwd", "-lock=false", "-show-sensitive", "p=SECRET", "", "-", "--", "---var=x", "-json",
     "-var-file", "-var-file=", "-var=", "-compact-warnings=1", "-VAR=p=SECRET", " -var=p=SECRET", "-target=a\0b", "-chdir=/"],
)  # fmt: skip
def test_any_other_argument_is_refused(argument: str) -> None:
    with pytest.raises(SalvageError, match=r"arguments: number 1 is not allowed; use .*-var-file=VALUE") as caught:
        check_arguments([argument])
    assert "SECRET" not in str(caught.value)


def test_variables_go_to_the_environment() -> None:
    given: dict[str, Any] = {"a": "text $HOME", "b": 3, "c": True, "d": {"x": ["y"]}, "e": ""}
    assert environment(given) == {
        "TF_VAR_a": "text $HOME", "TF_VAR_b": "3", "TF_VAR_c": "true", "TF_VAR_d": '{"x": ["y"]}', "TF_VAR_e": ""
    }  # fmt: skip


@pytest.mark.parametrize(
    "variables", [{"a-b": "SECRET"}, {"": "SECRET"}, {"a=b": "SECRET"}, {"1": "SECRET"}, {"a": None}, {"a": "SECRET\0"}]
)
def test_variables_that_no_environment_can_hold_are_refused(variables: dict[str, Any]) -> None:
    with pytest.raises(SalvageError, match="variables: ") as caught:
        environment(variables)
    assert caught.value.reason == "bad_input"
    assert "SECRET" not in str(caught.value)


def test_settings_of_a_backend_are_literals() -> None:
    text = backend_text({"address": "https://a/${x}%{y}", "retry_max": 3, "skip": True, "hosts": ["a"]}).decode()
    assert text == 'address = "https://a/$${x}%%{y}"\nretry_max = 3\nskip = true\nhosts = ["a"]\n'
    for wrong in ({"a b": "HUNTER2"}, {"a": None}):
        with pytest.raises(SalvageError) as caught:
            backend_text(wrong)
        assert caught.value.reason == "bad_input" and "HUNTER2" not in str(caught.value)
