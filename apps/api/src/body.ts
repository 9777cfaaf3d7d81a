import type { z } from '@hono/zod-openapi';
import { isNestedDeeperThan, type Limits, limitOf, memberText, Problem, zodFaults } from '@waybill/protocol';
import type { Context } from 'hono';
import type { ApiEnv } from './deps.ts';

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

/** @throws Problem `invalid_request` with the path of every fault. */
export function parseWith<S extends z.ZodType>(schema: S, value: unknown): z.output<S> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const errors = zodFaults(parsed.error);
  throw new Problem('invalid_request', `the request has ${errors.length} fault(s)`, { errors });
}

/** The text of the body's `context`, an object; `{}` when there is none. */
export function contextText(
  { text, value }: JsonBody,
  limits: Pick<Limits, 'contextBytesMax'>,
  path = '',
): string {
  const context = (value as { context?: unknown } | null)?.context;
  if (context === undefined) return '{}';
  if (typeof context !== 'object' || context === null || Array.isArray(context)) {
    const errors = [{ path: `${path}context`, message: 'must be an object' }];
    throw new Problem('invalid_request', 'the request has 1 fault(s)', { errors });
  }
  const cut = memberText(text, 'context')!;
  const bytes = Buffer.byteLength(cut);
  if (bytes <= limits.contextBytesMax) return cut;
  const limit = limitOf(limits, 'contextBytesMax');
  const detail = `${path === '' ? 'the ' : path}context has ${bytes} bytes, above contextBytesMax ${limit.value}`;
  throw new Problem('context_too_large', detail, { limit });
}
