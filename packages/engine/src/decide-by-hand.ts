import type { EndStep, ResendHook } from './commands.ts';
import { type Decision, reject } from './decision.ts';
import { isTerminal, type RunState } from './state.ts';
import { hasEnded } from './step-state.ts';

/** Asked for again, it changes nothing and is no error. */
export function decidePause(
  state: RunState,
  { type, commandId }: { readonly type: 'pause' | 'resume'; readonly commandId: string },
  now: number,
): Decision {
  if (state.phase === 'done') return reject('run_ended', `the run is already ${state.state}`);
  const applied = { type: 'command.applied', at: now, commandId } as const;
  if (state.isPaused === (type === 'pause')) return { events: [applied] };
  return { events: [applied, { type: type === 'pause' ? 'run.paused' : 'run.resumed', at: now }] };
}

/** Of several that nobody has accepted, the newest. */
export function decideResendHook(
  state: RunState,
  { commandId, hook: name }: ResendHook,
  now: number,
): Decision {
  if (state.plan.definition[name] === undefined)
    return reject('unknown_hook', `this workflow has no ${name}`);
  const hooks = state.hooks.filter((hook) => hook.name === name);
  if (hooks.length === 0)
    return reject('hook_not_failed', `this run, ${state.state}, has no ${name} to send`);
  const hook = hooks.findLast(({ state }) => state !== 'completed');
  if (hook?.state !== 'failed') {
    const is = hook ? 'is still being sent' : 'was accepted';
    return reject('hook_not_failed', `${name} ${is}: only one that nobody accepted can be sent again`);
  }
  return {
    events: [
      { type: 'command.applied', at: now, commandId },
      { type: 'hook.reopened', at: now, round: hook.round },
    ],
  };
}

/** Skips or completes a step that has not ended, in a run that is not ending. */
export function decideEndStep(state: RunState, command: EndStep, now: number): Decision {
  const { commandId, step: stepId, note } = command;
  if (isTerminal(state.state)) return reject('run_ended', `the run is already ${state.state}`);
  if (state.state === 'pending') return reject('step_not_open', 'the run has not started');
  if (state.ending !== null) return reject('run_ending', 'the run is already ending');
  const index = state.plan.indexById.get(stepId);
  if (index === undefined) return reject('unknown_step', `no step "${stepId}" in this run`);
  const step = state.steps[index]!;
  if (hasEnded(step)) return reject('step_ended', `step "${stepId}" is already ${step.state}`);
  const applied = { type: 'command.applied', at: now, commandId } as const;
  if (command.type === 'skipStep') {
    return { events: [applied, { type: 'step.skipped', at: now, step: stepId, note }] };
  }
  const result = command.result ?? 'null';
  return { events: [applied, { type: 'step.passed', at: now, step: stepId, result, note }] };
}
