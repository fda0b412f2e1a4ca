"""Each step of the runner's protocol is needed: a scenario holds with it, and fails without it.

A scenario fails by an AssertionError, or by waiting for something that never comes.
"""

from collections.abc import Awaitable, Callable

import pytest

from tests.runtime import scenarios_batch as batch
from tests.runtime import scenarios_opening as opening
from tests.runtime import scenarios_publishing as publishing
from tests.runtime import scenarios_refused as refused
from tests.runtime.harness import World
from tests.runtime.scenery import Left
from tests.sabotage.steps import Step

Scenario = Callable[[World, Left], Awaitable[None]]

SCENARIOS: dict[Step, Scenario] = {
    Step.COMPLETE_ASSIGNMENT: opening.a_shard_without_all_its_topics_is_not_worked_on,
    Step.RAISE_EPOCH: opening.nothing_is_applied_under_an_epoch_that_is_not_the_newest,
    Step.RAISE_BEFORE_DRAIN: opening.what_a_predecessor_commits_last_is_published_too,
    Step.END_BLOCKING_SESSIONS: opening.a_session_that_holds_a_shard_for_ever_is_ended,
    Step.CONFIRM: opening.what_the_group_does_not_confirm_is_not_opened,
    Step.DRAIN: opening.what_a_predecessor_left_is_published,
    Step.SEEK: opening.reading_goes_on_where_the_database_stands,
    Step.CHECK_RANGE: opening.a_position_that_kafka_does_not_have_is_explained,
    Step.FENCE: opening.nothing_is_applied_under_an_epoch_that_is_not_the_newest,
    Step.FENCE_LOCK: opening.a_successor_waits_for_the_transaction_of_one_who_is_frozen,
    Step.REJOIN: batch.an_owner_who_finds_a_newer_epoch_loses_no_event,
    Step.CHECK_POSITIONS: batch.what_stands_behind_the_position_is_not_applied_again,
    Step.POLICY_LOCK: batch.the_policy_does_not_change_under_a_decision,
    Step.INBOX: batch.a_copy_of_an_event_has_no_effect,
    Step.NOTE_OWN_EVENTS: batch.what_a_service_says_on_its_own_topic_is_no_news_to_it,
    Step.DELETE_TIMER: batch.a_timer_fires_once,
    Step.DELETE_COMMAND: batch.a_command_takes_effect_once,
    Step.TIMER_GATE: batch.nobody_is_accused_while_the_answer_lies_unread,
    Step.SETTLE: batch.nobody_is_accused_while_the_answer_may_be_in_a_spool,
    Step.END_ON_UNKNOWN_COMMIT: batch.after_a_commit_with_unknown_outcome_the_process_ends,
    Step.COMMIT_BEFORE_PUBLISH: batch.nothing_is_published_that_is_not_committed,
    Step.ONE_LINE: publishing.nothing_is_sent_behind_what_kafka_refused,
    Step.PUBLISH_DEADLINE: publishing.a_line_that_kafka_does_not_take_ends_the_process,
    Step.DELETE_PUBLISHED: publishing.what_is_published_leaves_the_outbox,
    Step.FORGET_REVOKED: publishing.a_revocation_costs_no_one_the_group,
    Step.HALVE: refused.data_that_the_database_refuses_takes_nothing_with_it,
    Step.CHECK_PARTITION: refused.a_record_in_the_wrong_partition_is_a_dead_letter,
    Step.STOP_ON_UNKNOWN_TYPE: refused.a_type_that_is_not_known_is_not_passed_over,
    Step.BREAKER: refused.too_many_dead_letters_stop_the_service_also_after_a_restart,
}


def test_every_step_has_its_scenario() -> None:
    assert set(SCENARIOS) == set(Step)


async def test_one_who_was_frozen_before_a_batch_does_not_apply_it(world: World) -> None:
    await opening.one_who_was_frozen_before_a_batch_does_not_apply_it(world)


@pytest.mark.parametrize("left_out", [False, True], ids=["kept", "left-out"])
@pytest.mark.parametrize("step", list(Step), ids=lambda step: step.value)
async def test_a_step_is_needed(world: World, step: Step, left_out: bool) -> None:  # noqa: FBT001
    if not left_out:
        await SCENARIOS[step](world, frozenset())
        return
    with pytest.raises((AssertionError, TimeoutError)):
        await SCENARIOS[step](world, frozenset({step.value}))
