import { Pool } from 'undici';
import { apiKey } from './processes.ts';

export interface RunStatus {
  readonly id: string;
  readonly state: string;
}

/** The API over plain undici: the benchmark must not measure its own client. */
export class Client {
  readonly #pool: Pool;

  constructor(url: string) {
    this.#pool = new Pool(url, { connections: 128, pipelining: 1 });
  }

  put(definition: { id: string }): Promise<unknown> {
    return this.#call('PUT', `/v1/workflows/${definition.id}`, definition);
  }

  start(workflow: string, context: object): Promise<RunStatus> {
    return this.#call('POST', `/v1/workflows/${workflow}/runs`, { context });
  }

  /** Answers when the run is terminal. */
  async wait(id: string): Promise<RunStatus> {
    for (;;) {
      const status = await this.#call<RunStatus>('GET', `/v1/runs/${id}?wait=30`);
      if (status.state !== 'running' && status.state !== 'pending') return status;
    }
  }

  close(): Promise<void> {
    return this.#pool.close();
  }

  async #call<T>(method: 'GET' | 'POST' | 'PUT', path: string, body?: object): Promise<T> {
    const headers = { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' };
    const text = body === undefined ? null : JSON.stringify(body);
    const response = await this.#pool.request({ method, path, headers, body: text });
    const answer = await response.body.text();
    if (response.statusCode >= 300) throw new Error(`${method} ${path}: ${response.statusCode} ${answer}`);
    return JSON.parse(answer) as T;
  }
}
