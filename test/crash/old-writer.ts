import { randomUUID } from 'node:crypto';
import { createId, uuidOfId } from '@waybill/protocol';
import { connectDatabase, type TestSql } from '../support/database.ts';
import { pause } from './caller.ts';

/** The schema that the statements below were written for. They are of that time and never change. */
export const oldSchema = 2;

const key = 'old-chain';
const steps = ['a', 'b', 'c', 'd', 'e'];

/** As it was stored then: normalised, with the handlers' address. */
function definitionOf(handlersUrl: string): string {
  const retries = {
    maxAttempts: 8,
    backoff: 'fixed',
    initialDelay: 0.1,
    factor: 2,
    maxDelay: 3600,
    jitter: true,
  };
  return JSON.stringify({
    id: key,
    steps: steps.map((id, index) => ({
      ...{ id, url: `${handlersUrl}/ok`, dependsOn: index === 0 ? [] : [steps[index - 1]] },
      ...{ parallel: false, retries, timeout: 300 },
    })),
    ...{ timeout: 600, saga: false, failurePolicy: 'fail', onComplete: `${handlersUrl}/done` },
  });
}

/** A program of the previous version: it starts runs, and had a dispatcher that died with some of them. */
export class OldWriter {
  /** Ids of the runs it has been told are durable. */
  readonly runs: string[] = [];
  readonly #sql: TestSql;
  readonly #project = randomUUID();
  #isWriting = true;
  #writing: Promise<void> = Promise.resolve();

  static async start(databaseUrl: string, handlersUrl: string): Promise<OldWriter> {
    const writer = new OldWriter(connectDatabase(databaseUrl));
    await writer.#prepare(handlersUrl);
    return writer;
  }

  private constructor(sql: TestSql) {
    this.#sql = sql;
  }

  /** Runs that are under way: new ones, and ones that a dispatcher without a row still owns. */
  async leave(count: number): Promise<void> {
    for (let n = 0; n < count; n++) await this.#write(n % 2 === 0 ? null : randomUUID());
  }

  /** One after the other, until it is stopped. */
  keepWriting(): void {
    this.#writing = (async () => {
      while (this.#isWriting) {
        await this.#write(null);
        await pause(20);
      }
    })();
  }

  /** Repeatable. */
  async stop(): Promise<void> {
    this.#isWriting = false;
    await this.#writing;
    await this.#sql.end();
  }

  async #prepare(handlersUrl: string): Promise<void> {
    const [project, text] = [this.#project, definitionOf(handlersUrl)];
    const sql = this.#sql;
    await sql`insert into projects (id, name, base_url) values (${project}, 'default', ${handlersUrl})`;
    await sql`insert into workflows (project_id, key, latest_version, versions) values (${project}, ${key}, 1, 1)`;
    await sql`insert into workflow_versions (project_id, key, version, hash, definition)
      values (${project}, ${key}, 1, ${Buffer.alloc(32, 1)}, ${text})`;
  }

  async #write(owner: string | null): Promise<void> {
    const runId = createId('run');
    const uuid = uuidOfId('run', runId)!;
    const [project, at] = [this.#project, Date.now()];
    const isStarted = owner !== null;
    // One message is one transaction. Ids and numbers alone: nothing to be quoted.
    const ownerText = owner === null ? 'null' : `'${owner}'`;
    // Sent by the one that died; nobody knows what became of it.
    const sent = `,('${uuid}', 2, 'attempt.started', 'a', ${at}, '{"delivery":"step","attempt":1}', null)`;
    await this.#sql.unsafe(`
      insert into runs (id, project_id, workflow_key, version, state, context, tags, metadata, created_at_ms,
          started_at_ms) values ('${uuid}', '${project}', '${key}', 1, '${isStarted ? 'running' : 'pending'}', '{}',
          '{}', null, ${at}, ${isStarted ? at : 'null'});
      insert into run_queue (run_id, project_id, ready_at, owner, bytes)
        values ('${uuid}', '${project}', now(), ${ownerText}, 2000);
      insert into run_events (run_id, seq, type, step, at_ms, data, result)
        values ('${uuid}', 1, 'run.created', null, ${at}, ${isStarted ? `'{"started":true}'` : 'null'}, null)
        ${isStarted ? sent : ''}`);
    this.runs.push(runId);
  }
}
