import { type Limits, limitOf, Problem, type ProblemCode, type ProblemError } from '@waybill/protocol';

/** Limits whose refusal is a 413, whatever else is wrong. */
const tooLarge: Readonly<Record<string, ProblemCode>> = {
  contextBytesMax: 'context_too_large',
  resultBytesMax: 'result_too_large',
};

/** @throws Problem that names all of them, if there are any: a 413 when one is too large, else `code`. */
export function refuseFaults(errors: readonly ProblemError[], code: ProblemCode = 'invalid_request'): void {
  if (errors.length === 0) return;
  const large = errors.find(({ limit }) => limit !== undefined && limit.name in tooLarge);
  if (large) {
    const what = /^\w+$/.test(large.path) ? `the ${large.path}` : large.path;
    const { limit } = large;
    throw new Problem(tooLarge[limit!.name]!, `${what} ${large.message}`, { errors, limit });
  }
  const what = code === 'invalid_definition' ? 'definition' : 'request';
  throw new Problem(code, `the ${what} has ${errors.length} fault(s)`, { errors });
}

/** What is wrong with JSON text that is to be the result of a step, given by somebody else than its handler. */
export function resultFaults(
  text: string,
  path: string,
  limits: Pick<Limits, 'resultBytesMax'>,
): ProblemError[] {
  const bytes = Buffer.byteLength(text);
  if (bytes <= limits.resultBytesMax) return [];
  const limit = limitOf(limits, 'resultBytesMax');
  return [{ path, message: `has ${bytes} bytes, above resultBytesMax ${limit.value}`, limit }];
}
