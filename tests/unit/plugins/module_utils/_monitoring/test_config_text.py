# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether what a Prometheus has loaded is the configuration that was written, or may still be the one before."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._monitoring.config_text import ConfigText, ConfigWanted
from hypothesis import given
from hypothesis import strategies as st

DROP = [{"regex": ".*", "action": "drop"}]
# As Prometheus shows them: with its defaults.
SHOWN = {"scrape_interval": "1m", "metrics_path": "/metrics", "scheme": "http", "scrape_protocols": ["OpenMetricsText1.0.0"]}


def job(name: str = "a", **more: Any) -> dict[str, Any]:
    return {"job_name": name, "static_configs": [{"targets": ["localhost:9090"]}], **more}


def whole(*jobs: Any, **more: Any) -> dict[str, Any]:
    return {"scrape_configs": list(jobs), **more}


def shown(config: Any) -> dict[str, Any]:
    jobs = config["scrape_configs"] if isinstance(config, dict) else config
    rest = {name: value for name, value in config.items() if name != "scrape_configs"} if isinstance(config, dict) else {}
    return {"global": {"scrape_interval": "1m"}, **rest, "scrape_configs": [{**SHOWN, **one} for one in jobs]}


def wanted(old: Any, new: Any) -> ConfigWanted:
    return ConfigWanted(*(ConfigText("", one, jobs_only=isinstance(one, list)) for one in (new, old)))


@pytest.mark.parametrize(
    ("loaded", "words"),
    [
        (whole(job(relabel_configs=DROP)), "another scrape_configs[0].relabel_configs"),
        (whole(job(metric_relabel_configs=DROP)), "another scrape_configs[0].metric_relabel_configs"),
        (whole(job(kubernetes_sd_configs=[{"role": "pod"}])), "another scrape_configs[0].kubernetes_sd_configs"),
        (whole(job(), rule_files=["/a"]), "another rule_files"),
        (whole(job(), remote_write=[{"url": "http://x"}]), "another remote_write"),
        (whole(job(), job("b")), "another scrape_configs"),
        (whole(job(), rule_files=[]), ""),
        (whole(job()), ""),
    ],
)
def test_what_nobody_wrote_into_it_is_not_loaded(loaded: Any, words: str) -> None:
    found = wanted(whole(), whole(job())).problem(shown(loaded))
    assert (words in found) if words else found == ""


def test_no_configuration_is_not_the_one_that_is_wanted() -> None:
    assert wanted(whole(), whole(job())).problem(None) == "the configuration has another form"


@pytest.mark.parametrize("jobs_only", [False, True])
@pytest.mark.parametrize("field", [{"relabel_configs": DROP}, {"metrics_path": "/no"}, {"params": {"a": ["b"]}}, {"sample_limit": 1}])
def test_a_field_that_was_taken_away_may_still_be_loaded(field: dict[str, Any], jobs_only: bool) -> None:
    bad, good = ([job(**field)], [job()]) if jobs_only else (whole(job(**field)), whole(job()))
    back = wanted(bad, good)
    assert back.problem(shown(bad)) or back.may_be_old(shown(bad))
    assert not back.problem(shown(good)) and not back.may_be_old(shown(good))


def test_jobs_that_were_taken_away_are_given_back() -> None:
    back = wanted([job()], [job(), job("b")])
    assert back.problem(shown([job()])) and not back.may_be_old(shown([job(), job("b")]))


def test_rules_of_the_operator_at_the_end_of_a_job_are_its_own() -> None:
    assert not wanted([], [job()]).problem(shown([job(relabel_configs=DROP)]))


FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "relabel_configs": st.just(DROP), "metrics_path": st.sampled_from(["/a", "/b", "/metrics"]),
        "scheme": st.sampled_from(["http", "https"]), "params": st.just({"a": ["b"]}),
    },
)  # fmt: skip


@given(old=FIELDS, new=FIELDS)
def test_an_old_configuration_is_never_taken_for_a_new_one(old: dict[str, Any], new: dict[str, Any]) -> None:
    """What is loaded passes for the new one without a reload only if the two can be told apart."""
    change = wanted(whole(job(**old)), whole(job(**new)))
    assert change.problem(shown(whole(job(**old)))) or change.may_be_old(shown(whole(job(**old))))
    assert not change.problem(shown(whole(job(**new))))
