import type { Rejection } from './commands.ts';
import type { RunEvent } from './events.ts';

/** What a command comes to. */
export type Decision = { readonly events: readonly RunEvent[] } | { readonly rejection: Rejection };

export function reject(code: Rejection['code'], message: string): Decision {
  return { rejection: { code, message } };
}
