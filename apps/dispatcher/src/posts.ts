import type { Outcome, RunState } from '@waybill/engine';
import { objectText, resultsText, uuidOfId } from '@waybill/protocol';
import type { InboxRow } from '@waybill/store';
import type { CollectedEffects } from './collected-effects.ts';
import type { RunDriver } from './run-driver.ts';

/** Commands that a transition leaves for other runs: the end of a child for its parent, and the other way round. */
export function postsOf(
  driver: RunDriver,
  effects: CollectedEffects,
  { isEnd, newId }: { readonly isEnd: boolean; readonly newId: () => string },
): InboxRow[] {
  const post = (runId: string, command: object): InboxRow => {
    return { runUuid: uuidOfId('run', runId)!, id: newId(), command: JSON.stringify(command) };
  };
  const posts = effects.revokedDeliveries.flatMap(({ child }) =>
    child === null ? [] : [post(child, cancelled)],
  );
  const { parent } = driver.state;
  if (isEnd && parent) {
    const { run, step, round } = parent;
    posts.push(
      post(run, { type: 'childEnded', step, round, outcome: outcomeOf(driver.state, driver.info.id) }),
    );
  }
  return posts;
}

const cancelled = { type: 'cancel', reason: 'the step that this run is was ended' };

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
