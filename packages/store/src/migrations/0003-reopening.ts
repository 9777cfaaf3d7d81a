/** A command that is for a run that has ended: the end of the run must not take it along. */
export const reopening = `
alter table inbox add column reopens boolean not null default false;
`;
