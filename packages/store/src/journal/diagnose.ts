import { StoreError, sqlState, violatedTable } from '../errors.ts';
import { OutcomeUnknownError } from './lane.ts';

/**
 * What a failed flush calls for:
 * - `fence`: the lease was not valid when the message ran; nothing took effect.
 * - `unknown`: no answer came; send the same rows again, a duplicate then is most likely their first copy.
 * - `duplicate`: rows with these keys are there already.
 * - `transient`: the server refused for a reason that passes, if only when somebody mends the server; send again.
 * - `data`: some row is unacceptable; find it.
 */
export type Diagnosis = 'fence' | 'unknown' | 'duplicate' | 'transient' | 'data';

const divisionByZero = '22012';
const uniqueViolation = '23505';
/** Of class 42, what the text of a row can be the reason for: a syntax error, or a type that does not fit. */
const ofText: ReadonlySet<string> = new Set(['42601', '42804', '42846']);

export function diagnose(error: unknown): Diagnosis {
  if (error instanceof OutcomeUnknownError) return 'unknown';
  // Of the server as a whole, not of any row.
  if (error instanceof StoreError) return 'transient';
  const state = sqlState(error);
  // Thrown by our own literals: no server saw it.
  if (state === undefined) return 'data';
  if (state === divisionByZero) return 'fence';
  if (state === uniqueViolation) return /^run/.test(violatedTable(error)) ? 'duplicate' : 'data';
  // A right that was taken away, a server that is not migrated: no run is to blame.
  if (state.startsWith('42')) return ofText.has(state) ? 'data' : 'transient';
  // 54: program limit exceeded.
  return /^(22|23|54)/.test(state) ? 'data' : 'transient';
}
