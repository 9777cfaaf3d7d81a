import type { EgressFailureCode, EgressPhase } from './answer.ts';
import { EgressError } from './errors.ts';

/** What undici or a socket reported, in the words of this package. */
export function classify(error: Error, phase: EgressPhase): { phase: EgressPhase; code: EgressFailureCode } {
  if (error instanceof EgressError) return { phase: 'policy', code: 'address_refused' };
  switch ((error as NodeJS.ErrnoException).code) {
    case 'UND_ERR_INVALID_ARG': // undici looks at every header's name and value before it sends anything
      return { phase: 'policy', code: 'header_refused' };
    case 'UND_ERR_HEADERS_OVERFLOW':
      return { phase: 'receive', code: 'response_too_large' };
    case 'UND_ERR_CLOSED':
    case 'UND_ERR_DESTROYED':
      return { phase, code: 'aborted' };
    default:
      return { phase, code: phase === 'connect' ? 'connect_failed' : 'connection_lost' };
  }
}

/** An AggregateError of several addresses has an empty message of its own. */
export function messageOf(error: Error): string {
  const [first] = error instanceof AggregateError ? (error.errors as Error[]) : [];
  return error.message || first?.message || (error as NodeJS.ErrnoException).code || 'unknown error';
}
