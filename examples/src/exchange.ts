import type { MiddlewareHandler } from 'hono';

/** One request of Waybill and the answer it got, as the handler server saw it. */
export interface Exchange {
  readonly runId: string;
  /** Null in a hook. */
  readonly stepId: string | null;
  /** Null for a step; `compensation`, or in a hook what became of the run, e.g. `workflow.completed`. */
  readonly type: string | null;
  /** Last part of the path. */
  readonly route: string;
  /** From 1. */
  readonly attempt: number;
  readonly status: number;
  /** From the request's arrival to the answer. */
  readonly durationMs: number;
  /** What the answer says went wrong. */
  readonly error: string | null;
  /** Whether the answer asks for another attempt. */
  readonly retryable: boolean;
}

/** Reports every request once its answer is there. */
export function observe(onExchange: (exchange: Exchange) => void): MiddlewareHandler {
  return async (c, next) => {
    const startedAt = performance.now();
    const request = c.req.raw.clone();
    await next();
    const durationMs = performance.now() - startedAt;
    const { type = null } = await objectIn(request);
    const { error, retryable } = await objectIn(c.res.clone());
    onExchange({
      runId: request.headers.get('waybill-run') ?? '',
      stepId: request.headers.get('waybill-step'),
      type: type as string | null,
      route: c.req.path.split('/').at(-1)!,
      attempt: Number(request.headers.get('waybill-attempt')),
      status: c.res.status,
      durationMs,
      error: (error as { message?: string } | undefined)?.message ?? null,
      retryable: retryable === true,
    });
  };
}

async function objectIn(message: Request | Response): Promise<Record<string, unknown>> {
  try {
    return (await message.json()) as Record<string, unknown>;
  } catch {
    return {};
  }
}
