import type { Egress, EgressAnswer, EgressFailureCode } from '@waybill/egress';
import type { Faults } from './faults.ts';
import type { Handlers } from './handlers.ts';
import type { SimProcess } from './process.ts';
import type { Random } from './random.ts';
import type { World } from './world.ts';

export interface SimEgressOptions {
  readonly world: World;
  readonly process: SimProcess;
  readonly faults: Faults;
  readonly random: Random;
  readonly handlers: Handlers;
  readonly connectionsPerOrigin: number;
  /** Whether this process owns the run, as far as the database knows. */
  readonly isOwned: (runId: string) => boolean;
}

export interface SimEgress extends Egress {
  /** The `webhook-id`s of exchanges that are under way. */
  readonly open: ReadonlySet<string>;
  /** Something is under way to the origin of this URL. */
  isBusy(url: string): boolean;
}

/** The network between a process and the handlers. What was sent arrives even if its sender dies meanwhile. */
export function simEgress(options: SimEgressOptions): SimEgress {
  const { world, process, faults, random, handlers, connectionsPerOrigin, isOwned } = options;
  const byOrigin = new Map<string, number>();
  const ids = new Set<string>();
  let inFlight = 0;
  const originOf = (url: string) => url.slice(0, url.indexOf('/', 8));
  const count = (url: string, by: 1 | -1) => {
    const origin = originOf(url);
    inFlight += by;
    byOrigin.set(origin, (byOrigin.get(origin) ?? 0) + by);
  };

  return {
    get inFlight() {
      return inFlight;
    },
    answerBytes: 0,
    open: ids,
    isBusy: (url) => (byOrigin.get(originOf(url)) ?? 0) > 0,
    hasRoom: (url, openMax = connectionsPerOrigin) =>
      (byOrigin.get(originOf(url)) ?? 0) < Math.min(openMax, connectionsPerOrigin),
    async close() {},
    post({ url, headers, body, timeoutMs }) {
      count(url, 1);
      const id = headers['webhook-id']!;
      ids.add(id);
      if (!isOwned(headers['waybill-run']!))
        handlers.strays.push(`${headers['waybill-run']}: sent by ${process.name}`);
      let settle: (answer: EgressAnswer) => void = () => {};
      let isSettled = false;
      const answer = new Promise<EgressAnswer>((resolve) => {
        settle = (value) => {
          if (isSettled) return;
          isSettled = true;
          count(url, -1);
          ids.delete(id);
          deadline.cancel();
          resolve(value);
        };
      });
      const deadlineIn = (ms: number) => process.runtime.after(ms, () => settle(failure('timeout')));
      let deadline = deadlineIn(timeoutMs);
      const later = (delayMs: number, value: EgressAnswer) =>
        world.after(delayMs, () => process.run(() => settle(value)));
      const way = () => random.skewed(0.1, 50);
      if (faults.strikes('connectFailed')) later(way(), failure('connect_failed'));
      else {
        const sentAtMs = world.nowMs;
        const isLost = faults.strikes('handlerAnswerLost');
        world.after(way(), () => {
          const reaction = handlers.receive({ url, headers, body, sentAtMs });
          if (reaction.answer === null) return;
          later(reaction.afterMs + way(), isLost ? failure('connection_lost') : reaction.answer);
        });
      }
      const extend = (ms: number) => {
        if (isSettled) return;
        deadline.cancel();
        deadline = deadlineIn(ms);
      };
      return { answer, extend, abort: () => settle(failure('aborted')) };
    },
  };
}

function failure(code: EgressFailureCode): EgressAnswer {
  return { kind: 'failure', phase: 'send', code, message: `simulated: ${code}`, durationMs: 1 };
}
