/** Suspects are claimed apart from the others, one at a time. Nothing ever read `priority`. */
export const suspects = `
create index run_queue_suspects on run_queue (ready_at) where owner is null and claims = 2;
alter table run_queue drop column priority;
`;
