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
  return 'rejection' in decision ? decision : { events: carry(state, decision.events, now, effects) };
}

/** The first event of a run that starts as it is created, and what follows from it. */
export function begin(state: RunState, created: RunEvent, effects: Effects): readonly RunEvent[] {
  return carry(state, [created], created.at, effects);
}

function carry(
  state: RunState,
  decided: readonly RunEvent[],
  now: number,
  effects: Effects,
): readonly RunEvent[] {
  const events = [...decided];
  for (const event of events) evolve(state, event, effects);
  for (let next = conclude(state, now); next !== null; next = conclude(state, now)) {
    evolve(state, next, effects);
    events.push(next);
  }
  return events;
}
