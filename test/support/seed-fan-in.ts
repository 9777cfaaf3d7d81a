import type { Waybill } from '@waybill/sdk';
import type { Answer, SeenRequest } from './handlers.ts';

// Next's request is a Request whose json() gives `any`, as JSON.parse does.
type NextRequest = Omit<Request, 'json'> & { json(): Promise<ReturnType<typeof JSON.parse>> };

export interface BatchRow {
  readonly data: {
    readonly batchId: string;
    readonly stats: { total: number; successful: number; failed: number; totalProcessed: number };
    readonly results: readonly object[];
    readonly completedAt: Date;
  };
}

/** The seed's fan-in route with a fake database: gives the route, and the rows it stored. */
export function fanInRoute(platform: Waybill) {
  const rows: BatchRow[] = [];
  const db = { batchResults: { create: async (row: BatchRow) => rows.push(row) } };

  // From here to the closing brace: the seed's text.
  async function POST(req: NextRequest) {
    const isValid = await platform.jobs.verifyRequest(req);
    if (!isValid) {
      return new Response('Unauthorized', { status: 401 });
    }

    const { context, previousSteps } = await req.json();

    // Collect all results from parallel steps
    const processResults = Object.entries(previousSteps as Record<string, ReturnType<typeof JSON.parse>>)
      .filter(([stepId]) => stepId.startsWith('process-'))
      .map(([stepId, result]) => ({
        stepId,
        ...result.result,
      }));

    // Aggregate statistics
    const stats = {
      total: processResults.length,
      successful: processResults.filter((r) => r.success).length,
      failed: processResults.filter((r) => !r.success).length,
      totalProcessed: processResults.reduce((sum, r) => sum + (r.processedCount || 0), 0),
    };

    // Store aggregated results
    await db.batchResults.create({
      data: {
        batchId: context.batchId,
        stats,
        results: processResults,
        completedAt: new Date(),
      },
    });

    return Response.json({
      success: true,
      result: stats,
    });
  }

  return { POST, rows };
}

/** The request as a web framework hands it to a route. */
export function webRequest(
  seen: SeenRequest,
  changed: { raw?: string; headers?: Record<string, string> } = {},
): Request {
  const headers = { ...(seen.headers as Record<string, string>), ...changed.headers };
  return new Request(`http://handlers.test${seen.path}`, {
    method: seen.method,
    headers: Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== '')),
    body: changed.raw ?? seen.raw,
  });
}

/** Mounts a web route on the mock server. */
export function mounted(
  route: (request: Request) => Promise<Response>,
): (seen: SeenRequest) => Promise<Answer> {
  return async (seen) => {
    const response = await route(webRequest(seen));
    return { status: response.status, body: await response.text() };
  };
}
