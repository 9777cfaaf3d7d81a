import type { z } from '@hono/zod-openapi';
import type { DefinitionFault } from '@waybill/engine';

/** Flattens zod's issues to `{path, message}`, paths written as in `steps[2].url`. */
export function zodFaults(error: z.ZodError): DefinitionFault[] {
  return error.issues.flatMap((issue) => {
    const path = formatPath(issue.path);
    if (issue.code !== 'unrecognized_keys') return [{ path: path || '(body)', message: issue.message }];
    return issue.keys.map((key) => ({ path: path ? `${path}.${key}` : key, message: 'unknown field' }));
  });
}

function formatPath(path: readonly PropertyKey[]): string {
  let text = '';
  for (const part of path) {
    text += typeof part === 'number' ? `[${part}]` : `${text ? '.' : ''}${String(part)}`;
  }
  return text;
}
