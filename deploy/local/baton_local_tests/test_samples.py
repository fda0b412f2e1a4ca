"""The sample leads that a newcomer sends are such as ingest takes, of a source that there is."""

import json
from collections.abc import Mapping
from pathlib import Path

from baton.policy.bundle import Bundle
from baton.policy_sections import policy_sections
from ingest.capture.submissions import ActivityIn, FollowupIn, LeadIn, Submission
from ingest.policy.sources import sources_of

DEPLOY = Path(__file__).parents[2]
SAMPLES = [
    json.loads(line) for line in (DEPLOY / "samples" / "leads.ndjson").read_text().splitlines()
]
MODELS: Mapping[str, type[Submission]] = {
    "lead": LeadIn,
    "activity": ActivityIn,
    "followup": FollowupIn,
}


def test_each_sample_has_all_that_it_needs_and_nothing_that_nobody_declared() -> None:
    sources = sources_of(Bundle.read(DEPLOY / "policy", policy_sections()))
    for sample in SAMPLES:
        fields = {name: value for name, value in sample.items() if name != "kind"}
        assigned_counts = MODELS[sample.get("kind", "lead")].model_validate(fields)
        assert assigned_counts.undeclared() == {}
        assert assigned_counts.source in sources


def test_the_samples_have_each_kind_and_an_id_each() -> None:
    assert {sample.get("kind", "lead") for sample in SAMPLES} == {"lead", "activity", "followup"}
    assert len({sample["delivery_id"] for sample in SAMPLES}) == len(SAMPLES)
