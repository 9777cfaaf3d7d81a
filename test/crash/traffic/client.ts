import { Agent, type Dispatcher, request } from 'undici';
import type { Acknowledgement } from '../../support/oracle.ts';

export interface LoadAnswered {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
  readonly latencyMs: number;
  readonly retryAfterSeconds: number | null;
}

/** Starts runs as fast as it is told to, and writes down what was promised and how long it took. */
export class LoadClient {
  readonly acknowledgements: Acknowledgement[] = [];
  readonly statuses = new Map<number, number>();
  /** 429 and 503 that did not say when to come again. */
  mute = 0;
  readonly #agent = new Agent({ connections: 512 });
  readonly #url: () => string;
  readonly #headers: Readonly<Record<string, string>>;

  constructor(url: () => string, apiKey: string) {
    this.#url = url;
    this.#headers = { authorization: `Bearer ${apiKey}` };
  }

  /** Starts a run of a stored workflow. */
  async start(workflow: string, context: object = {}): Promise<LoadAnswered> {
    const answer = await this.call('POST', `/v1/workflows/${workflow}/runs`, { context });
    if (answer.status === 201) {
      this.acknowledgements.push({ kind: 'start', runId: answer.body.id as string });
    }
    return answer;
  }

  async put(key: string, definition: object): Promise<void> {
    const { status, body } = await this.call('PUT', `/v1/workflows/${key}`, definition);
    if (status > 201) throw new Error(`${key} was refused: ${JSON.stringify(body)}`);
  }

  /** Closed loop: so many clients, each starting its next run when the one before was answered, as told. */
  async loop(
    clients: number,
    isWanted: () => boolean,
    onAnswer: (answer: LoadAnswered) => Promise<void> | void,
    workflow: string,
  ): Promise<void> {
    const one = async () => {
      while (isWanted()) await onAnswer(await this.start(workflow));
    };
    await Promise.all(Array.from({ length: clients }, one));
  }

  async call(method: Dispatcher.HttpMethod, path: string, body?: object): Promise<LoadAnswered> {
    const startedAt = performance.now();
    const answer = await request(`${this.#url()}${path}`, {
      ...{ method, dispatcher: this.#agent },
      headers: body === undefined ? this.#headers : { ...this.#headers, 'content-type': 'application/json' },
      body: body === undefined ? null : JSON.stringify(body),
    });
    const text = await answer.body.text();
    const retryAfter = answer.headers['retry-after'];
    this.#note(answer.statusCode, retryAfter);
    return {
      status: answer.statusCode,
      body: parsed(text),
      latencyMs: performance.now() - startedAt,
      retryAfterSeconds: retryAfter === undefined ? null : Number(retryAfter),
    };
  }

  close(): void {
    void this.#agent.destroy();
  }

  #note(status: number, retryAfter: unknown): void {
    this.statuses.set(status, (this.statuses.get(status) ?? 0) + 1);
    if ((status === 429 || status === 503) && retryAfter === undefined) this.mute++;
  }
}

function parsed(text: string): LoadAnswered['body'] {
  return text.startsWith('{') ? (JSON.parse(text) as LoadAnswered['body']) : {};
}
