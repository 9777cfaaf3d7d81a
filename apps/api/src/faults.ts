import { Problem, type ProblemCode, type ProblemError } from '@waybill/protocol';

/** @throws Problem that names all of them, if there are any: `context_too_large` beside a context that is, else `code`. */
export function refuseFaults(errors: readonly ProblemError[], code: ProblemCode = 'invalid_request'): void {
  if (errors.length === 0) return;
  const large = errors.find(({ limit }) => limit?.name === 'contextBytesMax');
  if (large) {
    const what = large.path === 'context' ? 'the context' : large.path;
    throw new Problem('context_too_large', `${what} ${large.message}`, { errors, limit: large.limit });
  }
  const what = code === 'invalid_definition' ? 'definition' : 'request';
  throw new Problem(code, `the ${what} has ${errors.length} fault(s)`, { errors });
}
