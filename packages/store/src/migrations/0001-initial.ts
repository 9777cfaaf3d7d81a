/**
 * Bulk tables are keyed by run id first and range-partitioned on it: a UUIDv7, so a range of ids is a
 * range of time and retention drops whole partitions. No foreign keys from hot children, no trigger, no
 * sequence: the same schema distributes on Citus.
 */
export const initial = `
create table projects (
  id uuid primary key,
  name text not null unique,
  base_url text,
  created_at timestamptz not null default now()
);

create table api_keys (
  id uuid primary key,
  project_id uuid not null references projects (id),
  name text not null,
  prefix text not null,
  hash bytea not null unique,
  scopes text[] not null,
  created_at timestamptz not null default now(),
  revoked_at timestamptz
);

create table signing_secrets (
  id uuid primary key,
  project_id uuid not null references projects (id),
  sealed text not null,
  created_at timestamptz not null default now(),
  retired_at timestamptz
);
create index signing_secrets_live on signing_secrets (project_id, created_at desc) where retired_at is null;

create table workflows (
  project_id uuid not null references projects (id),
  key text not null,
  latest_version int not null,
  versions int not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (project_id, key)
);

create table workflow_versions (
  project_id uuid not null,
  key text not null,
  version int not null,
  hash bytea not null,
  definition text not null,
  created_at timestamptz not null default now(),
  primary key (project_id, key, version),
  unique (project_id, key, hash)
);

create table runs (
  id uuid primary key,
  project_id uuid not null,
  workflow_key text not null,
  version int not null,
  state text not null,
  context text not null,
  tags text[] not null,
  metadata text,
  created_at_ms bigint not null,
  started_at_ms bigint,
  finished_at_ms bigint
) partition by range (id);
create index runs_by_project on runs (project_id, id desc);
create index runs_by_workflow on runs (project_id, workflow_key, id desc);

create table run_events (
  run_id uuid not null,
  seq int not null,
  type text not null,
  step text,
  at_ms bigint not null,
  data text,
  result text,
  primary key (run_id, seq)
) partition by range (run_id);

create table run_queue (
  run_id uuid primary key,
  project_id uuid not null,
  ready_at timestamptz not null,
  owner uuid,
  claims int not null default 0,
  priority int not null default 0,
  bytes bigint not null
) with (fillfactor = 70);
create index run_queue_ready on run_queue (project_id, ready_at) where owner is null;
create index run_queue_owned on run_queue (owner) where owner is not null;

create table dispatchers (
  id uuid primary key,
  host text not null,
  pid int not null,
  started_at timestamptz not null default now(),
  heartbeat_at timestamptz not null default now(),
  expires_at timestamptz not null,
  suspect_run_id uuid
);

create table inbox (
  run_id uuid not null,
  id uuid not null,
  command text not null,
  created_at timestamptz not null default now(),
  primary key (run_id, id)
);

create table idempotency_keys (
  project_id uuid not null,
  key text not null,
  body_hash bytea not null,
  run_id uuid not null,
  expires_at timestamptz not null,
  primary key (project_id, key)
);
create index idempotency_keys_expiry on idempotency_keys (expires_at);
`;
