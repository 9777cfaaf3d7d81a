import {
  hasEnded,
  isTerminal,
  type RunEvent,
  type RunState,
  resultOf,
  type StepState,
} from '../src/index.ts';
import { check } from './book.ts';
import type { Watcher } from './simulate.ts';

/** What holds of runs with fan-outs, ends by hand and retries, whatever they are made of. */
export class FanOutInvariants implements Watcher {
  readonly seen = new Set<string>();
  #completed = new Set<string>();
  #terminals = 0;
  #reopened = 0;

  event(event: RunEvent): void {
    this.seen.add(event.type);
    if (event.type === 'run.reopened') this.#reopened++;
    if (/^run\.(completed|failed|cancelled|quarantined)$/.test(event.type)) this.#terminals++;
    if (event.type === 'attempt.started' && event.delivery === 'step') {
      check(!this.#completed.has(event.step!), `${event.step} is sent again although it completed`);
    }
  }

  committed(state: RunState): void {
    for (const step of state.steps) this.#checkStep(state, step);
    check(state.toJudge.size === 0 && state.touchedGroups.size === 0, 'something is left to be looked at');
    check(
      state.unfinished === state.steps.filter((step) => !hasEnded(step)).length,
      'unfinished is miscounted',
    );
    const active = state.steps.filter((step) => step.state === 'waiting' || step.state === 'running');
    check(state.active === active.length, `active is ${state.active} of ${active.length}`);
    const inFlight = state.steps.filter((step) => step.delivery?.open);
    check(
      state.openExchanges === inFlight.length,
      `${state.openExchanges} of ${inFlight.length} are in flight`,
    );
    const isOver = isTerminal(state.state);
    check(
      !isOver || this.#terminals === this.#reopened + 1,
      `${this.#terminals} ends, ${this.#reopened} retries`,
    );
  }

  #checkStep(state: RunState, step: StepState): void {
    const { id, definition } = step.plan;
    if (step.state === 'completed') this.#completed.add(id);
    else check(!this.#completed.has(id), `${id} is ${step.state} although it completed`);
    const { group } = step;
    if (group === null) return;
    const members = state.steps.slice(group.first, group.first + group.count);
    const underWay = members.filter((member) => !hasEnded(member) && member.delivery?.round === state.rounds);
    const most = definition.maxConcurrency!;
    check(underWay.length <= most, `${underWay.length} instances of ${id} are under way, ${most} may`);
    if (hasEnded(step)) this.#checkEnded(state, step, members);
    else check(members.length > 0, `${id} waits for no instance`);
  }

  /** It ends with or behind its instances, and its result has their results in order. */
  #checkEnded(state: RunState, step: StepState, members: readonly StepState[]): void {
    const { id, definition } = step.plan;
    check(members.every(hasEnded), `${id} ended before its instances`);
    const failed = members.filter((member) => member.state === 'failed').length;
    const isByHand = step.result !== null;
    if (step.state === 'failed') this.seen.add(step.error!.code);
    if (step.state !== 'completed' || isByHand) return;
    check(failed <= Number(definition.toleratedFailures), `${id} completed with ${failed} failures`);
    if (failed > 0) this.seen.add('tolerated');
    const results = JSON.parse(resultOf(state, step)!) as ({ success?: boolean } | null)[];
    const expected = members.map((member) => member.state === 'failed');
    check(
      String(results.map((result) => result?.success === false)) === String(expected),
      `results of ${id}`,
    );
  }

  finish(state: RunState): void {
    check(isTerminal(state.state) && state.phase === 'done', `stuck: ${state.state}, ${state.phase}`);
    check(state.steps.every(hasEnded), 'a step has not ended');
    this.seen.add(state.state);
    if (this.#reopened > 0) this.seen.add(`${state.state} after a retry`);
  }
}
