"""Credits in billionths of a lead, in place of units of weight.

What is there is converted once. A unit of weight was a part of a lead that depended on the weights
of its time, which nobody has noted: the divisor of a pool is the largest sum of its members'
weights that a kept decision has. That is exact where the weights have not changed. Where they have,
no credit is made larger than it was. A pool of which no decision is kept begins evenly.

The same divisor converts the turns that open assignments may give back: so giving one back leaves
its pool as if the turn had never been taken.

Processes of the release before go on with `pool.credits` and with the `turn` of their assignments.
Neither is read any more: a turn that they take is not in the balances, and need not be given back.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSON

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# The bound that credits had, by which a divisor is raised if need be: 1.5 (k - 1) leads from zero,
# k being the number of reps.
_DIVISORS = """
CREATE TABLE divisor AS
WITH known AS (
    SELECT assignment.pool, min(decision.id::text)::uuid AS decision_id
    FROM assignment JOIN decision ON decision.id = assignment.decision_id
    WHERE decision.code = 'routed'
    GROUP BY assignment.pool, decision.policy
), member AS (
    SELECT known.pool, known.decision_id, candidate ->> 'rep' AS rep,
        (candidate ->> 'weight')::numeric AS weight
    FROM known JOIN decision ON decision.id = known.decision_id,
        json_array_elements(decision.choice -> 'pools' -> -1 -> 'candidates') AS candidate
), credit AS (
    SELECT id AS pool, key AS rep, value::numeric AS credit
    FROM pool, json_each_text(pool.credits)
), sum AS (
    SELECT pool, max(weights) AS weights
    FROM (SELECT pool, sum(weight) AS weights FROM member GROUP BY pool, decision_id) AS one
    GROUP BY pool
), size AS (
    SELECT pool, count(*) AS reps
    FROM (SELECT pool, rep FROM member UNION SELECT pool, rep FROM credit) AS one
    GROUP BY pool
), largest AS (
    SELECT pool, max(abs(credit)) AS credit FROM credit GROUP BY pool
)
SELECT pool, greatest(weights, ceil(largest.credit * 2 / (3 * (reps - 1)))) AS divisor
FROM sum JOIN size USING (pool) LEFT JOIN largest USING (pool)
WHERE reps > 1
"""

# Rounded by largest remainder: what sums to zero, sums to zero afterwards. `mod` has the sign of
# what is divided, so a divisor is added to make each rest positive.
_CONVERTED = """
SELECT owner, json_object_agg(rep, amount ORDER BY rep) AS amounts
FROM (
    SELECT owner, rep, div(credit * 1000000000 - rest, divisor) + CASE WHEN
        row_number() OVER (PARTITION BY owner ORDER BY rest DESC, rep)
            <= sum(rest) OVER (PARTITION BY owner) / divisor
        THEN 1 ELSE 0 END AS amount
    FROM (
        SELECT owner, rep, credit, divisor,
            mod(mod(credit * 1000000000, divisor) + divisor, divisor) AS rest
        FROM ({credits}) AS credit
    ) AS divided
) AS rounded
WHERE amount <> 0
GROUP BY owner
"""

_CREDITS = """
SELECT id AS owner, key AS rep, value::numeric AS credit, divisor
FROM pool JOIN divisor ON divisor.pool = pool.id, json_each_text(pool.credits)
"""

# Many open assignments have changed their pools in the same way, which is converted once. States
# are written without blanks: so most need not be parsed to see that they have no turn to give back.
_TURNS = """
CREATE TABLE turn_before AS
SELECT lead_id, pool || md5(turn::text) AS owner, turn, divisor
FROM (
    SELECT lead_id, held -> 'turn' AS turn, held -> 'terms' ->> 'pool' AS pool
    FROM (
        SELECT lead_id, state -> 'held' AS held FROM lead
        WHERE state::text LIKE '%"turn":{"%' OFFSET 0
    ) AS lead OFFSET 0
) AS lead JOIN divisor USING (pool)
"""

_CHANGES = """
SELECT owner, key AS rep, value::numeric AS credit, divisor
FROM (SELECT DISTINCT ON (owner) owner, turn, divisor FROM turn_before ORDER BY owner) AS one,
    json_each_text(turn)
"""

_CONVERT_CREDITS = f"""
UPDATE pool SET balances = converted.amounts
FROM ({_CONVERTED.format(credits=_CREDITS)}) AS converted
WHERE pool.id = converted.owner
"""  # noqa: S608 - texts of our own

_CONVERT_TURNS = f"""
UPDATE lead SET state = (
    SELECT json_object_agg(part.key, CASE part.key WHEN 'held' THEN (
        SELECT json_object_agg(
            CASE key WHEN 'turn' THEN 'credit_changes' ELSE key END,
            CASE key WHEN 'turn' THEN converted.amounts ELSE value END)
        FROM json_each(part.value)
    ) ELSE part.value END)
    FROM json_each(lead.state) AS part
)
FROM turn_before JOIN ({_CONVERTED.format(credits=_CHANGES)}) AS converted USING (owner)
WHERE lead.lead_id = turn_before.lead_id
"""  # noqa: S608 - texts of our own


def upgrade() -> None:
    # Each batch holds this row from its beginning. So those under way end first, and those that
    # come wait until states and pools are converted: none writes back what it read before.
    op.execute("LOCK TABLE policy_in_force IN EXCLUSIVE MODE")
    op.add_column("pool", sa.Column("balances", JSON(), server_default="{}", nullable=False))
    op.execute(_DIVISORS)
    op.execute(_CONVERT_CREDITS)
    op.execute(_TURNS)
    op.execute("ANALYZE turn_before")
    op.execute(_CONVERT_TURNS)
    op.drop_table("turn_before")
    op.drop_table("divisor")


def downgrade() -> None:
    op.drop_column("pool", "balances")
