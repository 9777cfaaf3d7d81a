import { connect, discard, type Sql } from '../connect.ts';
import { StoreError, sqlState } from '../errors.ts';

export interface LaneOptions {
  readonly databaseUrl: string;
  readonly name: string;
  /** A message without an answer for this long counts as lost, its connection as dead. */
  readonly answerTimeoutMs: number;
}

/** Thrown when the connection broke: whether the message took effect is unknown. */
export class OutcomeUnknownError extends Error {
  constructor(cause: unknown) {
    super('the database connection broke; the outcome of the message is unknown', { cause });
    this.name = 'OutcomeUnknownError';
  }
}

/** A server on Windows refuses the setting. */
const canCheckClients = `version() !~* 'mingw|msvc|visual c'`;

/** One database connection that carries one message at a time and is replaced after any break. */
export class Lane {
  readonly #options: LaneOptions;
  #sql: Sql | null = null;

  constructor(options: LaneOptions) {
    this.#options = options;
  }

  /** Whether the connection stands; false means the next send opens one first. */
  get isOpen(): boolean {
    return this.#sql !== null;
  }

  /**
   * @throws PostgresError when the server answered with an error: nothing took effect.
   * @throws OutcomeUnknownError when no answer came.
   */
  async send(message: string): Promise<void> {
    await this.query(message);
  }

  /** Answers the rows. Throws as `send` does. */
  async query<Row extends object>(message: string): Promise<readonly Row[]> {
    const sql = this.#sql ?? (await this.#open());
    return await this.#answered(sql, sql.unsafe<Row[]>(message));
  }

  async close(): Promise<void> {
    const sql = this.#sql;
    this.#sql = null;
    await sql?.end({ timeout: 1 });
  }

  async #open(): Promise<Sql> {
    const { databaseUrl, name, answerTimeoutMs: silenceMsMax } = this.#options;
    // postgres.js would connect again by itself, without the settings below.
    const onClose = () => this.#drop(sql);
    const sql: Sql = connect(databaseUrl, { name, max: 1, onClose, silenceMsMax });
    const setup = sql.unsafe(
      `set idle_in_transaction_session_timeout = '10s'; set statement_timeout = '10s'; set tcp_user_timeout = '10s';
       select set_config('client_connection_check_interval', '5s', false) where ${canCheckClients};
       select current_setting('standard_conforming_strings') as strings`,
    );
    const results = await this.#answered(sql, setup);
    const [row] = (results as unknown as { strings: string }[][]).at(-1)!;
    if (row?.strings !== 'on') {
      discard(sql);
      throw new StoreError('unsuitable_server', 'standard_conforming_strings must be on');
    }
    this.#sql = sql;
    return sql;
  }

  async #answered<T>(sql: Sql, query: Promise<T>): Promise<T> {
    const { answerTimeoutMs } = this.#options;
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<never>((_, reject) => {
      const late = () => reject(new Error(`no answer from the database for ${answerTimeoutMs} ms`));
      timer = setTimeout(late, answerTimeoutMs);
    });
    try {
      return await Promise.race([query, timeout]);
    } catch (error) {
      const state = sqlState(error);
      // 57P0x and 08xxx come as answers, but speak of the session (of PgBouncer's, too), not of the message.
      if (state !== undefined && !state.startsWith('57P') && !state.startsWith('08')) throw error;
      this.#drop(sql);
      throw new OutcomeUnknownError(error);
    } finally {
      clearTimeout(timer);
    }
  }

  #drop(sql: Sql): void {
    if (this.#sql === sql) this.#sql = null;
    discard(sql);
  }
}
