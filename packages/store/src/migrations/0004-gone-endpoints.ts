/** URLs that answered 410, until one of them answers 2xx. */
export const goneEndpoints = `
create table gone_endpoints (
  project_id uuid not null,
  url text not null,
  marked_at timestamptz not null default now(),
  last_at timestamptz not null default now(),
  run_id uuid not null,
  delivery text not null,
  step text
);
-- Of the hash: an index holds no text as long as a URL may be.
create unique index gone_endpoints_url on gone_endpoints (project_id, md5(url));
`;
