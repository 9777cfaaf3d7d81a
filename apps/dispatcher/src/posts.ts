import type { Outcome } from '@waybill/engine';
import { type Limits, limitOf, objectText, resultsText, uuidOfId } from '@waybill/protocol';
import type { InboxRow } from '@waybill/store';
import type { DriverContext } from './driver-context.ts';
import type { Applied } from './driver-types.ts';
import type { RunDriver } from './run-driver.ts';

/** Commands that a transition leaves for other runs: the end of a child for its parent, and the other way round. */
export function postsOf(
  driver: RunDriver,
  { events, effects }: Pick<Applied, 'events' | 'effects'>,
  isEnd: boolean,
  { clock, limits }: Pick<DriverContext, 'clock' | 'limits'>,
): InboxRow[] {
  const post = (runId: string, command: object): InboxRow => {
    return { runUuid: uuidOfId('run', runId)!, id: clock.uuid(), command: JSON.stringify(command) };
  };
  const compensate = !events.some((event) => event.type === 'run.cancelling' && !event.compensate);
  const posts = effects.revokedDeliveries.flatMap(({ child }) =>
    child === null ? [] : [post(child, { ...cancelled, compensate })],
  );
  const { parent } = driver.state;
  if (isEnd && parent) {
    const { run, step, round } = parent;
    const outcome = outcomeOf(driver, limits);
    posts.push(post(run, { type: 'childEnded', step, round, outcome }));
  }
  return posts;
}

const cancelled = { type: 'cancel', reason: 'the step that this run is was ended' };

function outcomeOf({ state, info: { id } }: RunDriver, limits: Limits): Outcome {
  const { resultBytesMax } = limits;
  if (state.state === 'completed') {
    const result = objectText([
      ['runId', JSON.stringify(id)],
      ['state', JSON.stringify(state.state)],
      ['results', resultsText(state)],
    ]);
    const bytes = Buffer.byteLength(result);
    if (bytes <= resultBytesMax) return { kind: 'success', result };
    const message = `the results of ${id} have ${bytes} bytes, above resultBytesMax ${resultBytesMax}`;
    const details = { limit: limitOf(limits, 'resultBytesMax') };
    return { kind: 'failure', retryable: false, error: { code: 'result_too_large', message, details } };
  }
  const { error } = state;
  const message = `${id} ${state.state === 'failed' ? 'failed' : 'was cancelled'}: ${error?.message ?? 'no error'}`;
  return {
    kind: 'failure',
    retryable: false,
    error: { code: `workflow_${state.state}`, message, details: { runId: id, error } },
  };
}
