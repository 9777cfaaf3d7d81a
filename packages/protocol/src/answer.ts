import {
  type DefinitionFault,
  memberText,
  type Outcome,
  type RetryPolicy,
  type StepError,
} from '@waybill/engine';
import type { AddedStepsResult } from './definition/added-steps.ts';
import { wire } from './headers.ts';

/** What came back over HTTP. `body` is the whole text, within the size limit. */
export interface HandlerAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

export interface ClassifyOptions {
  readonly retries: Pick<RetryPolicy, 'retryOn'>;
  readonly resultBytesMax: number;
  /** Epoch ms, for `Retry-After` given as a date. */
  readonly nowMs: number;
  /** What `addSteps` of an answer comes to; absent where an answer cannot add steps. */
  readonly parseSteps?: ((input: unknown) => AddedStepsResult) | undefined;
}

const envelopeKeys = new Set([
  'success',
  'result',
  'error',
  'retryable',
  'retryAfter',
  'next',
  'addSteps',
  'pending',
]);
const retryableStatuses = [408, 425, 429];
/** Whatever else the answer says, `retryOn` included: nobody will take a request there any more. */
const gone = 410;
const excerptLength = 1024;
const messageLengthMax = 4096;
const codeLengthMax = 128;
const detailsLengthMax = 16_384;

/** What a handler's answer means for its delivery (http-contract.md, semantics.md "Answers"). */
export function classifyAnswer(answer: HandlerAnswer, options: ClassifyOptions): Outcome {
  const parsed = parseBody(answer.body);
  const outcome = outcomeOf(answer, parsed, options);
  const asked = addStepsOf(parsed, outcome);
  const added = asked === undefined ? undefined : options.parseSteps?.(asked);
  if (!added) return outcome;
  return 'steps' in added ? { ...outcome, addSteps: added.steps } : refused(answer, outcome, added.faults);
}

/** Of a failure whatever else it says; of a success only in an envelope, where it is no part of the result. */
function addStepsOf({ record }: ParsedBody, outcome: Outcome): unknown {
  if (record === null || !(outcome.kind === 'failure' || isEnvelope(record))) return undefined;
  const asked = record.addSteps ?? undefined;
  // None is what a handler with nothing to add may say.
  return Array.isArray(asked) && asked.length === 0 ? undefined : asked;
}

/** An answer that adds what cannot be added is its handler's mistake, and no attempt would mend it. */
function refused(answer: HandlerAnswer, outcome: Outcome, faults: readonly DefinitionFault[]): Outcome {
  const shown = faults.slice(0, 3).map(({ path, message }) => `${path} ${message}`);
  const more = faults.length > shown.length ? `, and ${faults.length - shown.length} more` : '';
  const message = `the answer's addSteps have ${faults.length} fault(s): ${shown.join('; ')}${more}`;
  const limit = faults.find((fault) => fault.limit !== undefined)?.limit;
  if (outcome.kind !== 'failure') return permanent(answer, 'invalid_steps', message, limit && { limit });
  return { ...outcome, error: { ...outcome.error, message: `${outcome.error.message} (${message})` } };
}

function outcomeOf(answer: HandlerAnswer, parsed: ParsedBody, options: ClassifyOptions): Outcome {
  const isSuccessStatus = answer.status >= 200 && answer.status < 300;
  if (!isSuccessStatus || parsed.record?.success === false) return failure(answer, parsed, options);
  if (isPending(answer, parsed)) return { kind: 'pending', status: answer.status };
  const result = resultText(answer.body, parsed);
  const bytes = Buffer.byteLength(result);
  if (bytes > options.resultBytesMax) return tooLarge(answer, bytes, options.resultBytesMax);
  const next = (parsed.record && isEnvelope(parsed.record) ? parsed.record.next : undefined) ?? undefined;
  if (next === undefined) return { kind: 'success', status: answer.status, result };
  if (isIdList(next)) return { kind: 'success', status: answer.status, result, next };
  return permanent(answer, 'invalid_next', "the answer's next must be a list of step ids");
}

interface ParsedBody {
  readonly isJson: boolean;
  /** The body when it is a JSON object. */
  readonly record: Record<string, unknown> | null;
}

function parseBody(body: string): ParsedBody {
  if (body === '') return { isJson: false, record: null };
  try {
    const value: unknown = JSON.parse(body);
    return { isJson: true, record: isPlainObject(value) ? value : null };
  } catch {
    return { isJson: false, record: null };
  }
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isEnvelope(record: Record<string, unknown>): boolean {
  const keys = Object.keys(record);
  return keys.length > 0 && keys.every((key) => envelopeKeys.has(key));
}

function isPending(answer: HandlerAnswer, { record }: ParsedBody): boolean {
  if (answer.status !== 202) return false;
  const asksByBody = record !== null && isEnvelope(record) && record.pending === true;
  return asksByBody || headerText(answer, wire.callback)?.toLowerCase() === 'pending';
}

function isIdList(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

/** The result is cut out of the answer's own text, never serialised again. */
function resultText(body: string, { isJson, record }: ParsedBody): string {
  if (!isJson) return body === '' ? 'null' : JSON.stringify(body);
  if (record === null || !isEnvelope(record)) return body.trim();
  return memberText(body, 'result') ?? 'null';
}

function failure(answer: HandlerAnswer, { record }: ParsedBody, options: ClassifyOptions): Outcome {
  const said = describe(record?.error);
  const isSuccessStatus = answer.status >= 200 && answer.status < 300;
  const error: StepError = {
    code:
      answer.status === gone ? 'endpoint_gone' : (said.code ?? defaultCode(answer.status, isSuccessStatus)),
    message: said.message ?? defaultMessage(answer.status, isSuccessStatus),
    status: answer.status,
    ...(said.details === undefined ? {} : { details: said.details }),
  };
  return {
    kind: 'failure',
    retryable: isRetryable(answer, record, options),
    error,
    status: answer.status,
    retryAfterMs: retryAfterMs(answer, record, options.nowMs),
    excerpt: answer.body.slice(0, excerptLength),
  };
}

function isRetryable(
  answer: HandlerAnswer,
  record: Record<string, unknown> | null,
  { retries }: ClassifyOptions,
): boolean {
  const { status } = answer;
  if (status === gone || headerText(answer, wire.delivery)?.toLowerCase() === 'abort') return false;
  if (record?.retryable === false) return false;
  if (isPlainObject(record?.error) && record.error.retryable === false) return false;
  if (status >= 200 && status < 300) return record?.retryable === true;
  if (retries.retryOn) return retries.retryOn.includes(status);
  return status >= 500 || retryableStatuses.includes(status);
}

function describe(error: unknown): { code?: string; message?: string; details?: unknown } {
  if (typeof error === 'string') return { message: error.slice(0, messageLengthMax) };
  if (!isPlainObject(error)) return error === undefined || error === null ? {} : { details: bounded(error) };
  const { code, message, retryable: _, ...rest } = error;
  return {
    ...(typeof code === 'string' ? { code: code.slice(0, codeLengthMax) } : {}),
    ...(typeof message === 'string' ? { message: message.slice(0, messageLengthMax) } : {}),
    ...(Object.keys(rest).length > 0 ? { details: bounded(rest) } : {}),
  };
}

/** Details are serialised again with the journal's rows, where nesting without bound would end the stack. */
function bounded(details: unknown): unknown {
  try {
    if (JSON.stringify(details).length <= detailsLengthMax) return details;
  } catch {
    // nested too deeply
  }
  return `omitted: nested too deeply, or above ${detailsLengthMax} characters`;
}

function defaultCode(status: number, isSuccessStatus: boolean): string {
  return isSuccessStatus ? 'handler_failed' : `http_${status}`;
}

function defaultMessage(status: number, isSuccessStatus: boolean): string {
  if (isSuccessStatus) return 'the handler answered success: false';
  if (status === gone) return 'the handler answered 410: the endpoint is gone';
  if (status >= 300 && status < 400) return `the handler answered ${status}: redirects are not followed`;
  return `the handler answered ${status}`;
}

/** `Retry-After` (seconds or a date) or the body's `retryAfter` (seconds), whichever is later. */
function retryAfterMs(
  answer: HandlerAnswer,
  record: Record<string, unknown> | null,
  nowMs: number,
): number | undefined {
  const header = headerText(answer, 'retry-after');
  const fromHeader = header === undefined ? Number.NaN : parseRetryAfter(header, nowMs);
  const fromBody = typeof record?.retryAfter === 'number' ? record.retryAfter * 1000 : Number.NaN;
  const known = [fromHeader, fromBody].filter((ms) => Number.isFinite(ms) && ms > 0);
  return known.length > 0 ? Math.max(...known) : undefined;
}

/** An HTTP date names its weekday and GMT; `Date.parse` alone finds a year in almost any text. */
const httpDate = /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*, .* GMT$/;

function parseRetryAfter(text: string, nowMs: number): number {
  if (/^\d+(\.\d+)?$/.test(text.trim())) return Number(text) * 1000;
  return httpDate.test(text.trim()) ? Date.parse(text) - nowMs : Number.NaN;
}

function headerText(answer: HandlerAnswer, name: string): string | undefined {
  const value = answer.headers[name];
  return Array.isArray(value) ? value[0] : value;
}

function permanent(answer: HandlerAnswer, code: string, message: string, details?: unknown): Outcome {
  const { status, body } = answer;
  const excerpt = body.slice(0, excerptLength);
  const error = { code, message, status, ...(details === undefined ? {} : { details }) };
  return { kind: 'failure', retryable: false, error, status, excerpt };
}

function tooLarge(answer: HandlerAnswer, bytes: number, bytesMax: number): Outcome {
  return permanent(
    answer,
    'result_too_large',
    `the result has ${bytes} bytes, above resultBytesMax ${bytesMax}`,
    { limit: { name: 'resultBytesMax', value: bytesMax } },
  );
}
