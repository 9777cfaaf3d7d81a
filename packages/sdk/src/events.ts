import { createParser, type EventSourceMessage } from 'eventsource-parser';
import { ApiError, NetworkError } from './errors.ts';
import type { WorkflowEvent } from './event.ts';
import { apiErrorOf } from './problem.ts';
import { createWatchdog, type Watchdog } from './runtime.ts';
import type { Settings } from './settings.ts';

export interface EventsOptions {
  /** `seq` of the last event already seen. Default 0: from the run's first on. */
  readonly after?: number;
  /** Ends the iteration, which then throws its reason. */
  readonly signal?: AbortSignal;
}

/** Where a stream is asked to go on. */
interface Position {
  readonly id: string;
  readonly after: number;
  readonly lastEventId: string | undefined;
}

/** Connections in a row that brought nothing: about 40 s. */
const FAILURES_MAX = 10;
const BACKOFF_MS = 200;
const BACKOFF_MS_MAX = 10_000;
/** A connection that held this long was no failure, though nothing happened on it. */
const STABLE_MS = 10_000;
/** The server says something every 15 s. */
const SILENCE_MS = 45_000;

/**
 * Follows a run to its end, over as many connections as that takes; nothing is lost or repeated between them.
 * Throws ApiError when the API refuses, NetworkError when it stays away, and the reason of `signal`.
 */
export function createEvents(settings: Settings, silenceMs = SILENCE_MS) {
  const { runtime } = settings;

  return async function* events(
    id: string,
    { after = 0, signal }: EventsOptions = {},
  ): AsyncGenerator<WorkflowEvent, void> {
    const aborted = new Promise<void>((resolve) => signal?.addEventListener('abort', () => resolve()));
    let position: Position = { id, after, lastEventId: undefined };
    let failures = 0;
    for (;;) {
      signal?.throwIfAborted();
      const openedMs = runtime.nowMs();
      let failure: unknown = new NetworkError('network_error', 'the event stream ended before the run did');
      const watchdog = createWatchdog(silenceMs);
      try {
        watchdog.arm();
        const body = await open(settings, position, joined(watchdog.signal, signal));
        if (body === null) return;
        for await (const message of messagesOf(body, watchdog)) {
          const event = JSON.parse(message.data) as WorkflowEvent;
          // A workflow key means its latest run: keep to the one that was found first.
          position = { id: event.runId, after, lastEventId: message.id };
          failures = 0;
          yield event;
        }
        // Over, as the next answer will say, or the server is going down.
      } catch (error) {
        signal?.throwIfAborted();
        failure = error;
      } finally {
        watchdog.end();
      }
      failures = runtime.nowMs() - openedMs >= STABLE_MS ? 1 : failures + 1;
      const delayMs = retryDelayMs(failure, failures);
      if (delayMs === undefined) throw failure;
      await Promise.race([runtime.sleep(delayMs * (0.75 + runtime.random() / 2)), aborted]);
    }
  };
}

/** Undefined when it is not worth another connection. */
function retryDelayMs(failure: unknown, failures: number): number | undefined {
  const isRefused = failure instanceof ApiError && ![429, 502, 503, 504].includes(failure.status);
  const isPassing = failure instanceof ApiError || failure instanceof NetworkError;
  if (!isPassing || isRefused || failures >= FAILURES_MAX) return undefined;
  // The first is most often the end of a run: nobody should wait for that word.
  const backoffMs = failures === 1 ? 0 : Math.min(BACKOFF_MS_MAX, BACKOFF_MS * 2 ** (failures - 2));
  const seconds = failure instanceof ApiError ? (failure.retryAfterSeconds ?? 0) : 0;
  return Math.max(backoffMs, Math.min(BACKOFF_MS_MAX, seconds * 1000));
}

/** Null: the run is done, and everything was sent. */
async function open(
  settings: Settings,
  { id, after, lastEventId }: Position,
  signal: AbortSignal,
): Promise<ReadableStream<Uint8Array> | null> {
  const headers = new Headers({
    accept: 'text/event-stream',
    authorization: `Bearer ${settings.apiKey()}`,
  });
  if (lastEventId !== undefined) headers.set('last-event-id', lastEventId);
  const url = `${settings.url()}/v1/runs/${encodeURIComponent(id)}/events?cursor=${after}`;
  const response = await settings.fetch(url, { headers, redirect: 'manual', signal }).catch(lost);
  if (response.status === 204) return null;
  if (!response.ok) {
    const text = await response.text().catch(lost);
    throw apiErrorOf(response, text, settings.runtime.epochMs());
  }
  if (response.body && /^text\/event-stream\b/.test(response.headers.get('content-type') ?? '')) {
    return response.body;
  }
  const detail = 'the server did not answer with events; is the URL that of a Waybill API?';
  throw new ApiError({ status: response.status, code: 'invalid_answer', detail });
}

async function* messagesOf(
  body: ReadableStream<Uint8Array>,
  watchdog: Watchdog,
): AsyncGenerator<EventSourceMessage, void> {
  const parsed: EventSourceMessage[] = [];
  const parser = createParser({ onEvent: (message) => parsed.push(message) });
  const decoder = new TextDecoder();
  const reader = body.getReader();
  try {
    for (;;) {
      watchdog.arm();
      const { value, done } = await reader.read().catch(lost);
      // Whoever takes the events may take their time.
      watchdog.disarm();
      if (done) return;
      parser.feed(decoder.decode(value, { stream: true }));
      yield* parsed.splice(0);
    }
  } finally {
    // What it says of a connection that is gone is of no use.
    reader.cancel().catch(() => {});
  }
}

function lost(cause: unknown): never {
  throw new NetworkError('network_error', 'the event stream was cut', { cause });
}

function joined(signal: AbortSignal, other: AbortSignal | undefined): AbortSignal {
  return other ? AbortSignal.any([signal, other]) : signal;
}
