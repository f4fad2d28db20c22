-- What was compared with the platform's tables and when: the last runs, with the rows that differed.

CREATE TABLE IF NOT EXISTS rollguard_reconciliation_runs (
  run_id uuid PRIMARY KEY,
  -- schedule or command.
  trigger varchar(20) NOT NULL,
  status varchar(20) NOT NULL CHECK (status IN ('clean', 'drift', 'behind', 'failed')),
  started_at timestamptz NOT NULL,
  finished_at timestamptz NOT NULL,
  -- Entries, holds and payments that differed.
  drift bigint NOT NULL,
  -- The report without its rows.
  report jsonb NOT NULL
);

CREATE INDEX IF NOT EXISTS rollguard_reconciliation_runs_time
  ON rollguard_reconciliation_runs (started_at DESC);

CREATE TABLE IF NOT EXISTS rollguard_reconciliation_drift (
  run_id uuid NOT NULL REFERENCES rollguard_reconciliation_runs (run_id) ON DELETE CASCADE,
  ordinal integer NOT NULL,
  side varchar(20) NOT NULL,
  reason varchar(40) NOT NULL,
  tenant_id uuid NOT NULL,
  property_id uuid,
  reservation_id uuid NOT NULL,
  -- As the report has it.
  drift_row jsonb NOT NULL,
  PRIMARY KEY (run_id, ordinal)
);

CREATE INDEX IF NOT EXISTS rollguard_reconciliation_drift_tenant
  ON rollguard_reconciliation_drift (run_id, tenant_id);
