import type { RunStatus } from '@waybill/sdk';

export interface ApiAnswer<Body> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Body;
}

interface Limit {
  readonly name: string;
  readonly value: number;
}

export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly errors?: readonly { readonly path: string; readonly message: string; readonly limit?: Limit }[];
  readonly limit?: Limit;
}

/** An entry of the attempt ledger, as far as the tests look at it. */
export interface Attempt {
  readonly attempt: number;
  readonly startedAt: string;
  readonly endedAt: string;
  readonly durationMs: number;
  readonly status: number | null;
  readonly retryAt: string | null;
  readonly error: { readonly code: string; readonly message: string } | null;
  readonly delivery: string;
  readonly answer: string | null;
  readonly request: {
    readonly url: string | null;
    readonly webhookId: string | null;
    readonly body: string | null;
  };
}

/** An event of a run's stream, as far as the tests look at it. */
export interface LiveEvent {
  readonly id: string;
  readonly event: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** Speaks the HTTP contract and nothing else: no SDK, no retry, no interpretation. */
export class ApiClient {
  readonly #url: () => string;
  readonly #key: string;

  /** `url` is asked for each time: a restarted server listens on another port. */
  constructor(url: () => string, key: string) {
    this.#url = url;
    this.#key = key;
  }

  async api<Body>(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<ApiAnswer<Body>> {
    const content: Record<string, string> = body === undefined ? {} : { 'content-type': 'application/json' };
    const response = await fetch(`${this.#url()}${path}`, {
      method,
      headers: { authorization: `Bearer ${this.#key}`, ...content, ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const parsed = (text === '' ? null : JSON.parse(text)) as Body;
    return { status: response.status, headers: response.headers, body: parsed };
  }

  /** Stores the definition and starts a run of it. Throws on anything but 201. */
  async run(definition: object, headers?: Record<string, string>): Promise<RunStatus> {
    const { status, body } = await this.api<RunStatus>('POST', '/v1/workflows', definition, headers);
    if (status !== 201) throw new Error(`create was answered ${status}: ${JSON.stringify(body)}`);
    return body;
  }

  /** Tries to create what must be refused. */
  async refused(definition: object): Promise<ApiAnswer<Problem>> {
    return this.api<Problem>('POST', '/v1/workflows', definition);
  }

  async status(id: string): Promise<RunStatus> {
    return this.#get(`/v1/runs/${id}`);
  }

  async attempts(id: string, step: string): Promise<readonly Attempt[]> {
    const page = await this.#get<{ data: Attempt[] }>(`/v1/runs/${id}/steps/${step}/attempts`);
    return page.data.toSorted((a, b) => a.attempt - b.attempt);
  }

  /** All events of a run, read as they happen; resolves when the server ends the stream, as the run is done. */
  async events(id: string, headers: Record<string, string> = {}): Promise<readonly LiveEvent[]> {
    const response = await fetch(`${this.#url()}/v1/runs/${id}/events`, {
      headers: { authorization: `Bearer ${this.#key}`, accept: 'text/event-stream', ...headers },
    });
    if (response.status !== 200) throw new Error(`the stream was answered ${response.status}`);
    const blocks = (await response.text()).split('\n\n').filter((block) => /^(?!:)./.test(block));
    return blocks.map((block) => {
      const [, id = '', event = '', data = ''] = /^id: (.*)\nevent: (.*)\ndata: (.*)$/.exec(block) ?? [];
      return { id, event, data: JSON.parse(data) as LiveEvent['data'] };
    });
  }

  /** What `/metrics` has, by name and labels. */
  async metrics(): Promise<ReadonlyMap<string, number>> {
    const text = await (await fetch(`${this.#url()}/metrics`)).text();
    const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    return new Map(lines.map((line) => [line.replace(/ \S+$/, ''), Number(/\S+$/.exec(line))]));
  }

  /** The status once the run is terminal. Waits in the server, not by polling. */
  async ended(id: string): Promise<RunStatus> {
    return this.until(id, ({ state }) => ['completed', 'failed', 'cancelled'].includes(state), '?wait=30');
  }

  /** The status once the run's hook, too, is delivered or given up. */
  async done(id: string): Promise<RunStatus> {
    const run = await this.ended(id);
    return run.phase === 'done' ? run : this.until(id, ({ phase }) => phase === 'done');
  }

  /** Creates a run and gives its status when it has ended. */
  async runToEnd(definition: object): Promise<RunStatus> {
    const { id } = await this.run(definition);
    return this.ended(id);
  }

  /** Polls until the status is as wanted; the test's own timeout is the limit. */
  async until(id: string, isReached: (run: RunStatus) => boolean, query = ''): Promise<RunStatus> {
    for (;;) {
      const run = await this.#get<RunStatus>(`/v1/runs/${id}${query}`);
      if (isReached(run)) return run;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  async #get<Body>(path: string): Promise<Body> {
    const { status, body } = await this.api<Body>('GET', path);
    if (status !== 200) throw new Error(`GET ${path} was answered ${status}: ${JSON.stringify(body)}`);
    return body;
  }
}
