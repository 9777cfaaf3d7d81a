import { ConfigError, WaitTimeoutError } from './errors.ts';
import type { Send } from './http.ts';
import { isTerminal, type RunStatus } from './run.ts';
import type { Runtime } from './runtime.ts';

export interface WaitOptions {
  /** Seconds. Default 300. */
  readonly timeout?: number;
}

/** One request waits this long at the server; proxies often cut at 60 s. */
const POLL_SECONDS_MAX = 30;
/** A server that is going down, or a proxy that drops `wait`, answers at once: do not hammer it. */
const POLL_INTERVAL_MS_MIN = 500;

export function createWait(send: Send, runtime: Runtime) {
  return async function wait(id: string, { timeout = 300 }: WaitOptions = {}): Promise<RunStatus> {
    if (!(timeout >= 0)) throw new ConfigError('invalid_timeout', 'timeout must be a number of seconds');
    const deadlineMs = runtime.nowMs() + timeout * 1000;
    let target = id;
    for (;;) {
      const askedMs = runtime.nowMs();
      const seconds = Math.min(POLL_SECONDS_MAX, Math.max(0, Math.ceil((deadlineMs - askedMs) / 1000)));
      const run = await poll(send, target, seconds);
      if (isTerminal(run)) return run;
      const nowMs = runtime.nowMs();
      if (nowMs >= deadlineMs) throw new WaitTimeoutError(run, timeout);
      const earlyMs = askedMs + POLL_INTERVAL_MS_MIN - nowMs;
      if (earlyMs > 0) await runtime.sleep(Math.min(earlyMs, deadlineMs - nowMs));
      // A workflow key means its latest run: keep to the one that was found first.
      target = run.id;
    }
  };
}

function poll(send: Send, id: string, seconds: number): Promise<RunStatus> {
  return send({
    method: 'GET',
    path: `/v1/runs/${encodeURIComponent(id)}`,
    query: { wait: seconds },
    extraTimeoutMs: seconds * 1000,
  });
}
