import type { Scene } from './campaign.ts';
import type { Observation } from './evidence.ts';

/**
 * What a drain owes to handlers that end within the grace: their answer is taken, so no attempt is given up, and
 * nothing that was answered for good is asked again, under whatever number of attempt.
 */
export function* duplicates({ mock }: Scene, { runs }: Pick<Observation, 'runs'>): Generator<string> {
  for (const { runId, journal } of runs) {
    for (const { seq, event } of journal) {
      if (event.type !== 'attempt.lost') continue;
      yield `${runId}: attempt ${event.attempt} of ${event.delivery} ${event.step ?? ''} was given up (row ${seq})`;
    }
  }
  const settled = new Set<string>();
  for (const request of mock.requests) {
    const { webhookId, runId, kind, step = '', attempt } = request;
    if (settled.has(webhookId)) yield `${runId}: ${kind} ${step} was sent again as attempt ${attempt}`;
    if (mock.settled.has(request)) settled.add(webhookId);
  }
}
