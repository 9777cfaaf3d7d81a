import { randomUUID } from 'node:crypto';
import { isTerminal, type Limit, type RunEvent, type RunState } from '@waybill/engine';
import { idOfUuid, Problem, type ProblemCode, problemStatus } from '@waybill/protocol';
import {
  type Database,
  failpoint,
  type InboxRow,
  inboxRowsMax,
  postCommand,
  type RunRow,
  readEvents,
  reopenRun,
  StoreError,
  sqlState,
} from '@waybill/store';
import { claimKey, type Idempotency } from './idempotency.ts';
import { type Services, waitsMaxDefault } from './services.ts';

/** How long a command's outcome is waited for before it is answered 202. */
const defaultOutcomeWaitMs = 5000;

/** A command as it lies in an inbox; its id is that of its row. */
export type Posted = { readonly type: string } & Readonly<Record<string, unknown>>;

/** What became of a command; null while its owner has not said within 5 s. */
export interface SentCommand {
  readonly commandId: string;
  readonly outcome: CommandOutcome | null;
}

/**
 * Leaves the command in the run's inbox and waits for its owner's word. A repeat with the same
 * Idempotency-Key is the same command: it gets the outcome of the first.
 * @throws Problem `run_ended` when the run has ended, or what the owner refused it with.
 */
export async function sendCommand(
  services: Services,
  row: RunRow,
  command: Posted,
  idempotency: Idempotency | null,
): Promise<SentCommand> {
  const { deps, views, writes } = services;
  // Too many wait already: the command is posted all the same, and answered 202.
  const mayWait = services.feed.watches < (deps.waitsMax ?? waitsMaxDefault);
  const outcomeWaitMs = mayWait ? (deps.outcomeWaitMs ?? defaultOutcomeWaitMs) : 0;
  // Before the key is claimed: from then on a repeat may be faster, and its command is this one.
  const { seq } = await views.get(row);
  const claim = idempotency && (await claimKey(writes, idempotency, randomUUID()));
  const commandUuid = claim?.uuid ?? randomUUID();
  const fromSeq = claim?.isRepeat ? 0 : seq;
  const mayBeDone = reopens(command);
  const outcomeWithin = (waitMs: number) =>
    awaitOutcome(services, row, { commandUuid, fromSeq, waitMs, mayBeDone });
  const known = claim?.isRepeat ? await outcomeWithin(0) : null;
  const refusal = known === null ? await post(services, row, commandUuid, command) : null;
  // Also of one that is refused: a repeat may come just as the first is applied.
  const outcome = known ?? (await outcomeWithin(refusal ? 0 : outcomeWaitMs));
  if (outcome === 'ended') throw ended((await views.get(row)).state.state);
  if (outcome === null && refusal) throw refusal;
  if (outcome !== null) failpoint('api.applied');
  if (outcome?.type === 'command.refused') throw refused(outcome.code, outcome.detail, outcome.limit);
  return { commandId: idOfUuid('cmd', commandUuid), outcome };
}

async function isDone({ views }: Services, row: RunRow): Promise<boolean> {
  return (await views.get(row)).state.phase === 'done';
}

/** Commands for runs that have ended: they put the queue row back. */
function reopens({ type }: Posted): boolean {
  return type === 'retry' || type === 'resendHook';
}

/** A run that waits for its hook can be paused, and goes on when it is resumed. */
function isOverFor(command: Posted, { state, phase }: RunState): boolean {
  if (reopens(command)) return false;
  return command.type === 'pause' || command.type === 'resume' ? phase === 'done' : isTerminal(state);
}

/** Answers why the run is in no state for it; null when it was posted. */
async function post(
  { deps, views, writes }: Services,
  row: RunRow,
  id: string,
  command: Posted,
): Promise<Problem | null> {
  const inboxRow = { runUuid: row.uuid, id, command: JSON.stringify(command) };
  const { state } = await views.get(row);
  if (command.type === 'retry' && state.state !== 'failed') {
    return refused('run_not_failed', `the run is ${state.state}: only a failed one can be retried`);
  }
  if (isOverFor(command, state)) return ended(state.state);
  failpoint('api.command');
  const isPosted = reopens(command)
    ? await writes.run((database) => reopen(database, row, inboxRow))
    : await writes.run((database) => postOnce(database, inboxRow));
  failpoint('api.commanded');
  deps.hints.notify('work');
  deps.dispatcher?.poke();
  return isPosted ? null : ended((await views.get(row)).state.state);
}

async function reopen(database: Database, row: RunRow, inboxRow: InboxRow): Promise<true> {
  const bytes = row.context.length;
  await reopenRun(database, { ...inboxRow, projectUuid: row.projectUuid, bytes });
  return true;
}

/** A repeated command may lie in the inbox still, which is as good as posting it. */
async function postOnce(database: Database, row: InboxRow): Promise<boolean> {
  try {
    return await postCommand(database, row);
  } catch (error) {
    if (sqlState(error) === '23505') return true;
    if (error instanceof StoreError && error.code === 'inbox_full') {
      const detail = `inboxRowsMax ${inboxRowsMax} commands wait for this run already; try again`;
      const limit = { name: 'inboxRowsMax', value: inboxRowsMax };
      throw new Problem('too_many_commands', detail, { limit, retryAfterSeconds: 1 });
    }
    throw error;
  }
}

export type CommandOutcome = Extract<RunEvent, { commandId: string }>;

interface OutcomeWait {
  readonly commandUuid: string;
  readonly fromSeq: number;
  readonly waitMs: number;
  /** The command is for a run that has ended: that it has says nothing of the outcome. */
  readonly mayBeDone: boolean;
}

async function awaitOutcome(
  services: Services,
  row: RunRow,
  { commandUuid, fromSeq, waitMs, mayBeDone }: OutcomeWait,
): Promise<CommandOutcome | 'ended' | null> {
  const { deps, feed } = services;
  const deadline = performance.now() + waitMs;
  const watch = feed.watch(row.uuid);
  try {
    for (let seq = fromSeq; ; ) {
      // Looked at first: when the run is over by now, the rows read after it are all there will be.
      const isOver = await isDone(services, row);
      const events = await readEvents(deps.database, row.uuid, seq);
      seq = events.at(-1)?.seq ?? seq;
      const outcome = events.find(({ event }) => 'commandId' in event && event.commandId === commandUuid);
      if (outcome) return outcome.event as CommandOutcome;
      // The end of a run takes the commands with it that nobody had read.
      if (isOver && !mayBeDone) return 'ended';
      const left = deadline - performance.now();
      if (left <= 0 || feed.isClosed) return null;
      await watch.changed(seq, left);
    }
  } finally {
    watch.close();
  }
}

function ended(state: string): Problem {
  return new Problem('run_ended', `the run is already ${state}`);
}

/** The engine's rejection codes are the API's. */
function refused(code: string, detail: string, limit?: Limit): Problem {
  return new Problem(code in problemStatus ? (code as ProblemCode) : 'run_ended', detail, { limit });
}
