import { idOfUuid } from '@waybill/protocol';
import { migrate } from '@waybill/store';
import { connectDatabase } from '../support/database.ts';
import type { StaleWrite } from '../support/oracle.ts';

/**
 * In the database beside Waybill's tables: what each dispatcher writes is held against the owner of the run at that
 * moment (I7). Dispatchers connect as users of their own, so that a session says whose it is.
 */
const schema = `
  create table audit_dispatchers (id uuid primary key, writer text not null);
  create table audit_stale (run_id uuid not null, writer text not null, owner text, what text not null);
  create table audit_ended (run_id uuid primary key, writer text not null);
  create sequence audit_judged;

  create function audit_dispatcher() returns trigger language plpgsql as $$
  begin
    insert into audit_dispatchers values (new.id, session_user);
    return null;
  end $$;
  create trigger audit after insert on dispatchers for each row execute function audit_dispatcher();

  create function audit_judge(run uuid, what text) returns void language plpgsql as $$
  declare
    theirs text;
  begin
    perform nextval('audit_judged');
    select d.writer into theirs from run_queue q join audit_dispatchers d on d.id = q.owner where q.run_id = run;
    -- Who has ended a run may still say behind its end what became of a command: a seq can be taken but once.
    if theirs is null and not exists (select from run_queue q where q.run_id = run)
       and exists (select from audit_ended e where e.run_id = run and e.writer = session_user) then
      return;
    end if;
    if theirs is distinct from session_user then
      insert into audit_stale values (run, session_user, theirs, what || ', ' ||
        case when exists (select from run_queue q where q.run_id = run) then 'queued' else 'not in the queue' end);
    end if;
  end $$;

  -- A run that begins, such as a child, need not be its writer's.
  create function audit_event() returns trigger language plpgsql as $$
  begin
    if new.seq > 1 then perform audit_judge(new.run_id, new.seq || ' ' || new.type); end if;
    return null;
  end $$;
  create trigger audit after insert on run_events for each row
    when (session_user like 'dispatch%') execute function audit_event();

  create function audit_run() returns trigger language plpgsql as $$
  begin
    perform audit_judge(new.id, 'run ' || new.state);
    return null;
  end $$;
  create trigger audit after update on runs for each row
    when (session_user like 'dispatch%') execute function audit_run();

  -- Whoever rescues takes from those alone whose lease has ended; claims take what is free.
  create function audit_queue() returns trigger language plpgsql as $$
  declare
    theirs text;
  begin
    select a.writer into theirs from audit_dispatchers a join dispatchers d on d.id = a.id
     where a.id = old.owner and d.expires_at > clock_timestamp();
    if theirs <> session_user then
      insert into audit_stale values (old.run_id, session_user, theirs, 'queue row, ' || tg_op);
    end if;
    if tg_op = 'DELETE' then
      insert into audit_ended values (old.run_id, session_user)
        on conflict (run_id) do update set writer = excluded.writer;
    end if;
    return null;
  end $$;
  create trigger audit after update or delete on run_queue for each row
    when (session_user like 'dispatch%') execute function audit_queue();
`;

/** The user as which the process in a slot, or its successor, connects. */
export function userOf(slot: string): string {
  return slot.replaceAll(' ', '_');
}

export class Audit {
  readonly #users: ReadonlySet<string>;

  /** Migrates the database, and watches over what the processes in these slots write. */
  static async install(databaseUrl: string, slots: readonly string[]): Promise<Audit> {
    await migrate({ databaseUrl });
    const users = slots.map(userOf);
    const { password } = new URL(databaseUrl);
    const sql = connectDatabase(databaseUrl);
    try {
      for (const user of users)
        await sql.unsafe(`create role ${user} superuser login password '${password}'`);
      await sql.unsafe(schema);
    } finally {
      await sql.end();
    }
    return new Audit(users);
  }

  private constructor(users: readonly string[]) {
    this.#users = new Set(users);
  }

  /** What the process in that slot gets beside its environment. */
  envOf(slot: string, databaseUrl: string): Record<string, string> {
    if (!this.#users.has(userOf(slot))) return {};
    const url = new URL(databaseUrl);
    url.username = userOf(slot);
    return { DATABASE_URL: url.href };
  }

  /** Rows that were judged, and those among them that nobody should have been able to write. */
  async seen(
    databaseUrl: string,
  ): Promise<{ readonly judged: number; readonly stale: readonly StaleWrite[] }> {
    const sql = connectDatabase(databaseUrl);
    try {
      const [row] = await sql<{ judged: number }[]>`
        select case when is_called then last_value else 0 end as judged from audit_judged`;
      const stale = await sql<{ id: string; writer: string; owner: string | null; what: string }[]>`
        select run_id as id, writer, owner, what from audit_stale`;
      const write = ({ id, writer, owner, what }: (typeof stale)[number]) => ({
        ...{ runId: idOfUuid('run', id), writer: `${writer} (${what})`, owner },
      });
      return { judged: row!.judged, stale: stale.map(write) };
    } finally {
      await sql.end();
    }
  }
}
