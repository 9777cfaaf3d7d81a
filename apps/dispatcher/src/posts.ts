import { randomUUID } from 'node:crypto';
import type { Outcome, RunState } from '@waybill/engine';
import { objectText, resultsText, uuidOfId } from '@waybill/protocol';
import type { InboxRow } from '@waybill/store';
import type { CollectedEffects } from './collected-effects.ts';
import type { RunDriver } from './run-driver.ts';

/** Commands that a transition leaves for other runs: the end of a child for its parent, and the other way round. */
export function postsOf(driver: RunDriver, effects: CollectedEffects, isEnd: boolean): InboxRow[] {
  const posts = effects.revokedDeliveries.flatMap(({ child }) => (child === null ? [] : [cancelOf(child)]));
  const { parent } = driver.state;
  if (isEnd && parent) {
    const { run, step, round } = parent;
    posts.push(
      post(run, { type: 'childEnded', step, round, outcome: outcomeOf(driver.state, driver.info.id) }),
    );
  }
  return posts;
}

function cancelOf(child: string): InboxRow {
  return post(child, { type: 'cancel', reason: 'the step that this run is was ended' });
}

function post(runId: string, command: object): InboxRow {
  return { runUuid: uuidOfId('run', runId)!, id: randomUUID(), command: JSON.stringify(command) };
}

const resultCharsMax = 1024 * 1024;

function outcomeOf(state: RunState, id: string): Outcome {
  if (state.state === 'completed') {
    const result = objectText([
      ['runId', JSON.stringify(id)],
      ['state', JSON.stringify(state.state)],
      ['results', resultsText(state)],
    ]);
    if (result.length <= resultCharsMax) return { kind: 'success', result };
    const message = `the results of ${id} have ${result.length} characters, above resultBytesMax ${resultCharsMax}`;
    return { kind: 'failure', retryable: false, error: { code: 'result_too_large', message } };
  }
  const { error } = state;
  const message = `${id} ${state.state === 'failed' ? 'failed' : 'was cancelled'}: ${error?.message ?? 'no error'}`;
  return {
    kind: 'failure',
    retryable: false,
    error: { code: `workflow_${state.state}`, message, details: { runId: id, error } },
  };
}
