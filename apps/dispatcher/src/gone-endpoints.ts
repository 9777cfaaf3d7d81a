import type { RunEvent } from '@waybill/engine';
import type { GoneEndpoint } from '@waybill/store';
import type { Log } from './log.ts';
import { Loop } from './loop.ts';
import type { RunDriver } from './run-driver.ts';

/** Where marks are kept. */
export interface GoneEndpointStore {
  mark(endpoint: GoneEndpoint): Promise<void>;
  unmark(project: string, url: string): Promise<void>;
  /** Marks of all dispatchers. */
  list(): Promise<readonly { readonly project: string; readonly url: string }[]>;
}

type Committed = Pick<RunDriver, 'state' | 'project' | 'runUuid'>;
type Ended = Extract<RunEvent, { status?: number | undefined }>;

const intervalMs = 5000;
/** Answers not yet written; beyond it they are not noted. */
const pendingMax = 1000;

/** URLs that answered 410, to be marked by the flush that records it. */
export function goneOf(events: readonly RunEvent[], run: Committed): readonly GoneEndpoint[] {
  return events.some(isGone) ? events.filter(isGone).flatMap((event) => markOf(event, run) ?? []) : none;
}

const none: readonly GoneEndpoint[] = [];

const isGone = (event: RunEvent): event is Ended => 'status' in event && event.status === 410;

function markOf(event: Ended, run: Committed): GoneEndpoint | null {
  const url = urlOf(run, event);
  const { delivery, step = null } = event;
  return url === null ? null : { projectUuid: run.project.uuid, url, runUuid: run.runUuid, delivery, step };
}

/**
 * Notes when marked endpoints answered 410 last, for people to see, and takes the mark away when one answers 2xx again.
 * An observation: it may come late, or be lost with the process, and nothing rests on it.
 */
export class GoneEndpoints {
  readonly #store: GoneEndpointStore;
  readonly #loop: Loop;
  readonly #pending = new Map<string, () => Promise<void>>();
  /** Marks that are known here: only where there is one is a 2xx worth a look. */
  #marks = new Set<string>();

  constructor(store: GoneEndpointStore, log: Log) {
    this.#store = store;
    const tick = async () => {
      await this.tick();
      return false;
    };
    this.#loop = new Loop({ name: 'noting gone endpoints', intervalMs, tick, log });
  }

  start(): void {
    this.#loop.start();
  }

  async stop(): Promise<void> {
    await this.#loop.stop();
    await this.#flush().catch(() => {});
  }

  /** Told of every transition once it is durable. */
  committed(events: readonly RunEvent[], run: Committed): void {
    for (const event of events) {
      if (!('status' in event) || event.status === undefined) continue;
      if (event.status === 410) this.#gone(event, run);
      else if (this.#marks.size > 0 && event.status < 300) this.#back(event, run);
    }
  }

  /** Writes what was seen, and reads what others have seen. */
  async tick(): Promise<void> {
    await this.#flush();
    const marks = await this.#store.list();
    if (this.#pending.size > 0) return;
    this.#marks = new Set(marks.map(({ project, url }) => nameOf(project, url)));
  }

  async #flush(): Promise<void> {
    let failure: { readonly error: unknown } | null = null;
    for (const [name, write] of this.#pending) {
      // One that cannot be written does not keep the others.
      await write().then(
        () => this.#pending.get(name) === write && this.#pending.delete(name),
        (error) => {
          failure ??= { error };
        },
      );
    }
    if (failure !== null) throw (failure as { readonly error: unknown }).error;
  }

  #gone(event: Ended, run: Committed): void {
    const endpoint = markOf(event, run);
    if (endpoint === null) return;
    const name = nameOf(endpoint.projectUuid, endpoint.url);
    this.#marks.add(name);
    this.#note(name, () => this.#store.mark(endpoint));
  }

  #back(event: Ended, run: Committed): void {
    const url = urlOf(run, event);
    const name = url === null ? null : nameOf(run.project.uuid, url);
    if (name === null || !this.#marks.delete(name)) return;
    this.#note(name, () => this.#store.unmark(run.project.uuid, url!));
  }

  #note(name: string, write: () => Promise<void>): void {
    if (this.#pending.size >= pendingMax && !this.#pending.has(name)) return;
    this.#pending.set(name, write);
  }
}

function urlOf({ state }: Committed, { delivery, step, round = 0 }: Ended): string | null {
  if (delivery === 'hook') return state.hooks[round]?.url ?? null;
  const definition = state.plan.steps[state.plan.indexById.get(step ?? '') ?? -1]?.definition;
  return (delivery === 'step' ? definition?.url : definition?.compensation) ?? null;
}

const nameOf = (project: string, url: string) => `${project} ${url}`;
