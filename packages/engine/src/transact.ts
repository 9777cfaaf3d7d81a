import type { Command, Rejection } from './commands.ts';
import { conclude, decide } from './decide.ts';
import type { Effects } from './effects.ts';
import type { RunEvent } from './events.ts';
import { evolve } from './evolve.ts';
import type { RunState } from './state.ts';

export type Transition = { readonly events: readonly RunEvent[] } | { readonly rejection: Rejection };

/** Decides, applies the events to the state at once, and lets it conclude. All events belong to one commit. */
export function transact(state: RunState, command: Command, now: number, effects: Effects): Transition {
  const decision = decide(state, command, now);
  if ('rejection' in decision) return decision;
  const events = [...decision.events];
  for (const event of events) evolve(state, event, effects);
  for (let next = conclude(state, now); next !== null; next = conclude(state, now)) {
    evolve(state, next, effects);
    events.push(next);
  }
  return { events };
}
