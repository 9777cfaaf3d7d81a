/**
 * Recurring starts. `next_at_ms` is the first tick that nothing has been done about; null: there is none. Whoever moves
 * it starts the runs of the ticks that it passes, in one transaction. `revision` counts changes by clients.
 */
export const schedules = `
create table schedules (
  id uuid primary key,
  project_id uuid not null references projects (id),
  key text not null,
  workflow_key text not null,
  version int,
  cron text,
  time_zone text,
  every_ms bigint,
  context text not null,
  tags text[],
  metadata text,
  catch_up text not null,
  overlap text not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  paused_at timestamptz,
  revision int not null default 1,
  next_at_ms bigint,
  last_at_ms bigint,
  last_run_id uuid,
  last_error text,
  unique (project_id, key)
);
create index schedules_due on schedules (next_at_ms) where paused_at is null and next_at_ms is not null;
`;
