import { Problem } from '@waybill/protocol';
import { type RunRow, readEventPage } from '@waybill/store';
import type { ChangeFeed } from './change-feed.ts';
import type { ApiDeps } from './deps.ts';
import { liveTexts, type RunNames, type StreamPosition } from './live-events.ts';
import type { RunView, RunViews } from './run-views.ts';
import { sseComment } from './sse.ts';

const openMaxDefault = 1000;
/** Below what proxies cut idle connections at. */
const heartbeatMsDefault = 15_000;
/** What one stream may hold in memory: a page is read when the one before it has been taken. */
const pageRowsMax = 500;
const pageBytesMax = 256 * 1024;
const retryAfterSeconds = 5;

export interface StreamedRun {
  readonly row: RunRow;
  readonly names: RunNames;
  readonly from: StreamPosition;
}

/** Journals as live streams: at most so many at once in this process, none faster than it is read. */
export class EventStreams {
  readonly #deps: ApiDeps;
  readonly #views: RunViews;
  readonly #feed: ChangeFeed;
  #openCount = 0;

  constructor(deps: ApiDeps, views: RunViews, feed: ChangeFeed) {
    this.#deps = deps;
    this.#views = views;
    this.#feed = feed;
  }

  get openCount(): number {
    return this.#openCount;
  }

  /**
   * The run's events from `from` on, until it is done and all were sent, this process stops, or `signal`
   * aborts. @throws Problem `too_many_streams`
   */
  open(run: StreamedRun, signal: AbortSignal): ReadableStream<Uint8Array> {
    const { eventStreamsMax = openMaxDefault } = this.#deps;
    if (this.#openCount >= eventStreamsMax) {
      const detail = `this server has eventStreamsMax ${eventStreamsMax} event streams open; try again`;
      const limit = { name: 'eventStreamsMax', value: eventStreamsMax };
      throw new Problem('too_many_streams', detail, { limit, retryAfterSeconds });
    }
    this.#openCount++;
    const left = new AbortController();
    const texts = this.#texts(run, AbortSignal.any([signal, left.signal]));
    const encoder = new TextEncoder();
    let isCounted = true;
    const end = () => {
      if (isCounted) this.#openCount--;
      isCounted = false;
    };
    return new ReadableStream<Uint8Array>(
      {
        pull: async (controller) => {
          const { value, done } = await texts.next();
          if (done) end();
          // The reader may have left meanwhile.
          if (left.signal.aborted) return;
          if (done) controller.close();
          else controller.enqueue(encoder.encode(value));
        },
        cancel: async () => {
          left.abort();
          await texts.return();
          end();
        },
      },
      // Nothing is read ahead of the reader.
      { highWaterMark: 0 },
    );
  }

  /** Never throws: a stream that cannot go on ends, and its reader comes back with the last id it got. */
  async *#texts(run: StreamedRun, signal: AbortSignal): AsyncGenerator<string, void> {
    try {
      // The headers go out with it, before anything has happened.
      yield sseComment('waybill');
      yield* this.#liveTexts(run, signal);
    } catch (error) {
      this.#deps.log.warn({ err: error, run: run.names.runId }, 'an event stream ended early');
    }
  }

  async *#liveTexts(run: StreamedRun, signal: AbortSignal): AsyncGenerator<string, void> {
    const { streamHeartbeatMs = heartbeatMsDefault } = this.#deps;
    const watch = this.#feed.watch(run.row.uuid, 'everything');
    let { seq } = run.from;
    let heartbeatAt = performance.now() + streamHeartbeatMs;
    try {
      while (!signal.aborted && !this.#feed.isClosed) {
        const view = await this.#views.get(run.row);
        if (seq < view.seq) {
          const page = await this.#page(run, view, seq);
          seq = page.seq;
          if (page.text !== '') yield page.text;
        } else if (view.state.phase === 'done') {
          return;
        } else if (performance.now() < heartbeatAt) {
          await watch.changed(seq, heartbeatAt - performance.now(), signal);
          continue;
        } else {
          yield sseComment('heartbeat');
        }
        heartbeatAt = performance.now() + streamHeartbeatMs;
      }
    } finally {
      watch.close();
    }
  }

  /** Rows that the view has not folded are left for later: durations and the end are told by the fold. */
  async #page({ row, names, from }: StreamedRun, view: RunView, afterSeq: number) {
    const bounds = { afterSeq, rowsMax: pageRowsMax, bytesMax: pageBytesMax };
    const { events } = await readEventPage(this.#deps.database, row.uuid, bounds);
    const folded = events.filter(({ seq }) => seq <= view.seq);
    const texts = folded.flatMap((stored) => {
      const both = liveTexts(stored, view.state, names);
      return stored.seq === from.halfSentSeq ? both.slice(1) : both;
    });
    // A journal past its retention has no rows behind its fold.
    return { seq: folded.at(-1)?.seq ?? view.seq, text: texts.join('') };
  }
}
