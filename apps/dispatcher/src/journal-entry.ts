import type { JournalEntry, NewChild, RunRef } from '@waybill/store';
import type { DriverContext } from './driver-context.ts';
import type { Applied } from './driver-types.ts';
import { bytesOf } from './entry-bytes.ts';
import { goneOf } from './gone-endpoints.ts';
import { postsOf } from './posts.ts';
import type { RunDriver } from './run-driver.ts';

/** What a transition may carry beside its events. */
export type Extra = Pick<JournalEntry, 'create' | 'consumed'> & {
  /** The run that a sub-workflow step becomes, if the transition lets it. */
  readonly child?: NewChild;
};

const endTypes: ReadonlySet<string> = new Set([
  'run.completed',
  'run.failed',
  'run.cancelled',
  'run.quarantined',
]);
const changeTypes: ReadonlySet<string> = new Set(['run.started', 'run.reopened']);

/** All rows of one transition. To be called right after it: the state is what the events made of it. */
export function entryOf(
  driver: RunDriver,
  run: RunRef,
  applied: Pick<Applied, 'events' | 'effects'>,
  { child, create, consumed }: Extra,
  context: Pick<DriverContext, 'clock' | 'limits'>,
): JournalEntry {
  const { state } = driver;
  const { events } = applied;
  const isEnd = events.some(({ type }) => endTypes.has(type));
  const isChanged = isEnd || (create === undefined && events.some(({ type }) => changeTypes.has(type)));
  const hasChild = child !== undefined && events.some(({ type }) => type === 'child.started');
  const posts = postsOf(driver, applied, isEnd, context);
  const gone = goneOf(events, driver);
  const change = { state: state.state, startedAtMs: state.startedAt, finishedAtMs: state.completedAt };
  return {
    run,
    events,
    ...(create ? { create } : {}),
    ...(consumed ? { consumed } : {}),
    ...(hasChild ? { children: [child] } : {}),
    ...(posts.length > 0 ? { posts } : {}),
    ...(gone.length > 0 ? { gone } : {}),
    ...(isChanged ? { change } : {}),
    // Starts recorded before the end are not the end, though memory is done already.
    done: state.phase === 'done' && events.some(({ type }) => type !== 'attempt.started'),
    bytes:
      bytesOf(events) +
      (create?.context.length ?? 0) +
      (hasChild ? child.run.context.length : 0) +
      posts.reduce((sum, { command }) => sum + command.length, 0),
  };
}
