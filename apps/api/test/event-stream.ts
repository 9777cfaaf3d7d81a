import type { TestApi } from './harness.ts';

export interface StreamedEvent {
  readonly id: string;
  readonly event: string;
  readonly data: Record<string, unknown>;
  /** As it came, without the field names. */
  readonly text: string;
}

/** An event stream as a client without any library reads it. */
export class TestStream {
  readonly status: number;
  readonly headers: Headers;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  readonly #decoder = new TextDecoder();
  #buffer = '';

  static async open(
    api: TestApi,
    path: string,
    { headers = {}, key = api.admin, signal }: OpenOptions = {},
  ): Promise<TestStream> {
    const authorization = `Bearer ${key}`;
    const init = { headers: { authorization, accept: 'text/event-stream', ...headers } };
    const request = new Request(`http://api.test${path}`, { ...init, ...(signal ? { signal } : {}) });
    return new TestStream(await api.api.fetch(request));
  }

  private constructor({ status, headers, body }: Response) {
    this.status = status;
    this.headers = headers;
    this.#reader = body?.getReader();
  }

  /** The next block of lines up to an empty one; null at the end of the stream. */
  async block(): Promise<string | null> {
    for (;;) {
      const end = this.#buffer.indexOf('\n\n');
      if (end >= 0) {
        const block = this.#buffer.slice(0, end);
        this.#buffer = this.#buffer.slice(end + 2);
        return block;
      }
      const chunk = await this.chunk();
      if (chunk === null) return null;
      this.#buffer += this.#decoder.decode(chunk, { stream: true });
    }
  }

  /** What the server wrote at once; null at the end. */
  async chunk(): Promise<Uint8Array | null> {
    const { value } = await this.#reader!.read();
    return value ?? null;
  }

  /** The next event, comments passed over; null at the end. */
  async next(): Promise<StreamedEvent | null> {
    for (let block = await this.block(); block !== null; block = await this.block()) {
      if (block.startsWith(':')) continue;
      const fields = block.split('\n').map((line) => /^(\w+): ?(.*)$/.exec(line)!);
      const of = (name: string) => fields.filter(([, field]) => field === name).map(([, , value]) => value!);
      const text = of('data').join('\n');
      return { id: of('id')[0]!, event: of('event')[0]!, data: JSON.parse(text), text };
    }
    return null;
  }

  /** All events up to the end. */
  async rest(): Promise<StreamedEvent[]> {
    const events: StreamedEvent[] = [];
    for (let event = await this.next(); event !== null; event = await this.next()) events.push(event);
    return events;
  }

  /** The client goes away. */
  async cancel(): Promise<void> {
    await this.#reader?.cancel();
  }
}

interface OpenOptions {
  readonly headers?: Record<string, string>;
  readonly key?: string;
  readonly signal?: AbortSignal;
}
