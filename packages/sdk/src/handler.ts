import type { Verifier } from '@waybill/signing/verify';
import { failureAnswer, problemAnswer, successAnswer } from './answer.ts';
import { ConfigError, PermanentError } from './errors.ts';
import type { Job, JobInput, WebHandler } from './job.ts';

/** A web handler around a job: verify, parse, run, answer. Rejects only for a fault of configuration. */
export function createHandler(job: Job, verifier: () => Verifier): WebHandler {
  return async (request) => {
    if (request.method !== 'POST') return refusal.method;
    const verify = verifier();
    const body = await readBody(request);
    if (!(await verify({ headers: request.headers, body }))) return refusal.signature;
    const message = parseObject(body);
    if (!message) return refusal.json;
    return answerOf(job, inputOf(message, request));
  };
}

/** The body's bytes. Throws ConfigError `body_already_read`. */
export async function readBody(request: Request): Promise<Uint8Array> {
  if (request.bodyUsed) {
    throw new ConfigError(
      'body_already_read',
      'the body of this request was read before its signature was verified; verify first, then read',
    );
  }
  return new Uint8Array(await request.arrayBuffer());
}

async function answerOf(job: Job, input: JobInput): Promise<Response> {
  try {
    const result = await job(input);
    return result instanceof Response ? result : serialised(result);
  } catch (thrown) {
    return failureAnswer(thrown);
  }
}

/** The work is done, and doing it again gives the same unserialisable result: another attempt cannot help. */
function serialised(result: unknown): Response {
  try {
    return successAnswer(result);
  } catch (cause) {
    const message = 'the result of the job cannot be written as JSON';
    throw new PermanentError(message, { code: 'result_not_serializable', cause });
  }
}

function parseObject(body: Uint8Array): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(body));
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isObject ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** The sender is verified, so its message is taken at its word; members not typed here are passed on too. */
function inputOf(message: Record<string, unknown>, request: Request): JobInput {
  return { context: {}, previousSteps: {}, payload: null, ...message, request } as unknown as JobInput;
}

/** Functions of the request alone; a Response has a one-time body, hence getters. */
const refusal = {
  get method() {
    return problemAnswer({
      status: 405,
      title: 'Method Not Allowed',
      code: 'method_not_allowed',
      detail: 'a job is called by POST',
      headers: { allow: 'POST' },
    });
  },
  get signature() {
    return problemAnswer({
      status: 401,
      title: 'Unauthorized',
      code: 'invalid_signature',
      detail: 'the request has no valid and fresh signature of this Waybill project',
    });
  },
  get json() {
    return problemAnswer({
      status: 400,
      title: 'Bad Request',
      code: 'invalid_json',
      detail: 'the body is not a JSON object',
    });
  },
};
