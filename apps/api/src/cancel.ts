import { randomUUID } from 'node:crypto';
import { isTerminal, type RunEvent } from '@waybill/engine';
import { idOfUuid, Problem, type ProblemCode, problemStatus } from '@waybill/protocol';
import { postCommand, type RunRow, readEvents } from '@waybill/store';
import type { RunView } from './run-views.ts';
import type { Services } from './services.ts';

/** How long a command's outcome is waited for before it is answered 202. */
const outcomeWaitMs = 5000;

export interface CancelInput {
  readonly compensate?: boolean | undefined;
  readonly reason?: string | undefined;
}

/**
 * Leaves the command in the run's inbox and waits for its owner's word.
 * @throws Problem `run_ended` or `run_ending` when the run is past cancelling.
 */
export async function cancelRun(
  services: Services,
  row: RunRow,
  input: CancelInput,
): Promise<RunView | { commandId: string }> {
  const { deps, views } = services;
  const before = await views.get(row);
  const { seq } = before;
  if (isTerminal(before.state.state)) throw ended(before.state.state);
  const commandUuid = randomUUID();
  const command = JSON.stringify({ type: 'cancel', ...input });
  const isPosted = await postCommand(deps.database, { runUuid: row.uuid, id: commandUuid, command });
  if (!isPosted) throw ended((await views.get(row)).state.state);
  deps.hints.notify('work');
  deps.dispatcher?.poke();
  const outcome = await awaitOutcome(services, row, commandUuid, seq);
  if (outcome === null) return { commandId: idOfUuid('cmd', commandUuid) };
  if (outcome.type === 'command.refused') throw refused(outcome.code, outcome.detail);
  return views.get(row);
}

type CommandOutcome = Extract<RunEvent, { commandId: string }>;

async function awaitOutcome(
  { deps, feed }: Services,
  row: RunRow,
  commandUuid: string,
  fromSeq: number,
): Promise<CommandOutcome | null> {
  const deadline = performance.now() + outcomeWaitMs;
  const watch = feed.watch(row.uuid);
  try {
    for (let seq = fromSeq; ; ) {
      const events = await readEvents(deps.database, row.uuid, seq);
      seq = events.at(-1)?.seq ?? seq;
      const outcome = events.find(({ event }) => 'commandId' in event && event.commandId === commandUuid);
      if (outcome) return outcome.event as CommandOutcome;
      const left = deadline - performance.now();
      if (left <= 0) return null;
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
function refused(code: string, detail: string): Problem {
  return new Problem(code in problemStatus ? (code as ProblemCode) : 'run_ended', detail);
}
