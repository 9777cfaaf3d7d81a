import type { Router, Services } from './services.ts';

const readyTimeoutMs = 2000;

/** `/healthz`: the process answers. `/readyz`: it can do its work. `/metrics`: how. None needs a key. */
export function healthRoutes(app: Router, services: Services): void {
  const { deps } = services;
  app.get('/healthz', (c) => c.json({ status: 'ok' }));
  app.get('/metrics', async (c) => {
    return c.body(await deps.metrics.text(), 200, { 'content-type': deps.metrics.contentType });
  });
  app.get('/readyz', async (c) => {
    const problems = await notReady(services);
    return c.json(
      { status: problems.length === 0 ? 'ok' : 'unavailable', problems },
      problems.length === 0 ? 200 : 503,
    );
  });
}

async function notReady({ deps, writes }: Services): Promise<string[]> {
  const { database, journal, ready } = deps;
  const timeout = new Promise<never>((_, reject) => {
    setTimeout(() => reject(new Error('timeout')), readyTimeoutMs).unref();
  });
  const isReachable = await Promise.race([database`select 1`, timeout]).then(
    () => true,
    () => false,
  );
  const problems = isReachable ? [] : ['the database does not answer'];
  const stuckMs = Math.max(journal.stuckForMs(), writes.stuckForMs());
  if (stuckMs > readyTimeoutMs) problems.push('the journal cannot be written');
  return [...problems, ...ready()];
}
