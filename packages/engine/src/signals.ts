import type { Signal } from './commands.ts';
import { completeStep } from './complete-step.ts';
import { type Decision, reject } from './decision.ts';
import type { Effects } from './effects.ts';
import type { SignalReceived } from './events.ts';
import { isTerminal, type RunState } from './state.ts';
import { hasEnded, type StepState } from './step-state.ts';

/** Signals of a run that no wait has taken. */
const signalsMax = 1000;

export function decideSignal(state: RunState, command: Signal, now: number): Decision {
  const { commandId, name, step, payload } = command;
  if (isTerminal(state.state)) return reject('run_ended', `the run is already ${state.state}`);
  if (step !== undefined) {
    const meant = state.steps[state.plan.indexById.get(step) ?? -1];
    if (meant?.plan.kind !== 'wait') return reject('unknown_step', `no step "${step}" waits for a signal`);
    if (hasEnded(meant)) return reject('step_ended', `step "${step}" is already ${meant.state}`);
  }
  if (state.signalCount >= signalsMax && takersOf(state, name, step).length === 0) {
    const message = `${signalsMax} signals wait to be taken already: signalsMax`;
    const limit = { name: 'signalsMax', value: signalsMax };
    return { rejection: { code: 'too_many_signals', message, limit } };
  }
  const applied = { type: 'command.applied', at: now, commandId } as const;
  const received = { type: 'signal.received', at: now, name, step, result: payload } as const;
  return { events: [applied, received] };
}

/** It is there for the first wait that wants it, in definition order, or for one to come. */
export function receive(state: RunState, { name, step, result }: SignalReceived): void {
  const key = keyOf(name, step);
  const queue = state.signals.get(key);
  if (queue) queue.push(result);
  else state.signals.set(key, [result]);
  state.signalCount++;
  const takers = takersOf(state, name, step);
  if (takers.length > 0) state.toJudge.set(Math.min(...takers), 'signal');
}

/** Indices of the steps that wait for it. */
function takersOf(state: RunState, name: string, step: string | undefined): number[] {
  return [...state.openWaits].filter((index) => {
    const { id, definition } = state.plan.steps[index]!;
    return step === undefined ? definition.waitFor!.signal === name : id === step;
  });
}

/** Whether a signal for this wait was there before it began. */
export function hasSignal(state: RunState, step: StepState): boolean {
  return state.signalCount > 0 && queueFor(state, step) !== undefined;
}

export function take(state: RunState, step: StepState, at: number, effects: Effects): void {
  const [key, queue] = queueFor(state, step)!;
  const result = queue.shift()!;
  if (queue.length === 0) state.signals.delete(key);
  state.signalCount--;
  completeStep(state, step, { at, result }, effects);
}

function queueFor(state: RunState, { plan: { id, definition } }: StepState): [string, string[]] | undefined {
  for (const key of [keyOf('', id), keyOf(definition.waitFor!.signal, undefined)]) {
    const queue = state.signals.get(key);
    if (queue) return [key, queue];
  }
  return undefined;
}

const keyOf = (name: string, step: string | undefined) =>
  step === undefined ? `signal:${name}` : `step:${step}`;
