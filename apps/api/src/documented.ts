import { createRoute, type RouteConfig, type z } from '@hono/zod-openapi';
import { problem } from './schemas.ts';
import type { Router } from './services.ts';

/** A JSON body or answer of this shape. */
export function jsonOf<S extends z.ZodType>(schema: S) {
  return { content: { 'application/json': { schema } } };
}

/**
 * Puts a route into the OpenAPI document. Handlers are registered beside it: they need the body's text,
 * which generated validators would parse and drop.
 */
export function documented(app: Router, route: RouteConfig): void {
  const failure = {
    description: 'RFC 9457 problem',
    content: { 'application/problem+json': { schema: problem } },
  };
  const responses = { ...route.responses, default: failure };
  app.openAPIRegistry.registerPath(createRoute({ security: [{ key: [] }], ...route, responses }));
}
