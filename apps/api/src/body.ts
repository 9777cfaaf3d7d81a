import type { z } from '@hono/zod-openapi';
import {
  isNestedDeeperThan,
  type Limits,
  limitOf,
  memberText,
  Problem,
  type ProblemError,
  zodFaults,
} from '@waybill/protocol';
import type { Context } from 'hono';
import type { ApiEnv } from './deps.ts';
import { refuseFaults } from './faults.ts';

export interface JsonBody {
  /** As it came: `context` is cut out of it, never serialised again. */
  readonly text: string;
  readonly value: unknown;
}

/** @throws Problem `unsupported_media_type` or `invalid_json`. An empty body is `{}`. */
export async function readJson(c: Context<ApiEnv>): Promise<JsonBody> {
  if ((c.req.header('content-encoding') ?? 'identity') !== 'identity') {
    throw new Problem('unsupported_media_type', 'send the body without content-encoding');
  }
  const text = (await c.req.text()) || '{}';
  const type = c.req.header('content-type');
  if (text !== '{}' && !/^application\/([\w.-]+\+)?json\b/i.test(type ?? '')) {
    throw new Problem('unsupported_media_type', 'send JSON with "content-type: application/json"');
  }
  const value = parseJson(text);
  // Parsing takes any depth; what serialises a definition again does not.
  const limit = limitOf(c.get('limits'), 'jsonDepthMax');
  if (isNestedDeeperThan(text, limit.value)) {
    throw new Problem('invalid_json', `the body is nested deeper than jsonDepthMax ${limit.value}`, {
      limit,
    });
  }
  return { text, value };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Problem('invalid_json', `the body is not JSON: ${(error as Error).message}`);
  }
}

/** @throws Problem with the path of every fault; `others` are of what the schema does not see. */
export function parseWith<S extends z.ZodType>(
  schema: S,
  value: unknown,
  others: readonly ProblemError[] = [],
): z.output<S> {
  const parsed = schema.safeParse(value);
  refuseFaults([...(parsed.success ? [] : zodFaults(parsed.error)), ...others]);
  return parsed.data as z.output<S>;
}

/** Those of a part that is parsed later, to be named with the others. */
export function faultsOf(schema: z.ZodType, value: unknown): ProblemError[] {
  const { error } = schema.safeParse(value);
  return error ? zodFaults(error) : [];
}

export interface ReadContext {
  /** JSON text; not to be used when there are faults. */
  readonly context: string;
  readonly faults: readonly ProblemError[];
}

/** The `context` of a body, an object; `{}` when there is none. `path` is where the body was sent. */
export function readContext(
  { text, value }: JsonBody,
  limits: Pick<Limits, 'contextBytesMax'>,
  path = '',
): ReadContext {
  const sent = (value as { context?: unknown } | null)?.context;
  if (sent === undefined) return { context: '{}', faults: [] };
  const at = `${path}context`;
  const context = memberText(text, 'context')!;
  if (typeof sent !== 'object' || sent === null || Array.isArray(sent)) {
    return { context, faults: [{ path: at, message: 'must be an object' }] };
  }
  const bytes = Buffer.byteLength(context);
  if (bytes <= limits.contextBytesMax) return { context, faults: [] };
  const limit = limitOf(limits, 'contextBytesMax');
  const message = `has ${bytes} bytes, above contextBytesMax ${limit.value}`;
  return { context, faults: [{ path: at, message, limit }] };
}
