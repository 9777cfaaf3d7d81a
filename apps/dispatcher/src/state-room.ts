import type { Outcome, Rejection } from '@waybill/engine';
import type { Quarantine } from './driver-types.ts';
import type { OwnedRun } from './owned-runs.ts';

const code = 'run_state_too_large' as const;

/** Why a run that has outgrown its limit all the same is ended. */
export function stateTooLarge(bytesMax: number): Quarantine {
  return {
    code,
    message: `context, steps and results of this run take more than runStateBytesMax ${bytesMax}`,
  };
}

/** What the run's state has no room for fails its step; trying again would meet the same. */
export function withinState<Other>(
  outcome: Outcome | Other,
  run: Pick<OwnedRun, 'bytes'> | undefined,
  bytesMax: number,
): Outcome | Other {
  const error = errorOf(run?.bytes ?? 0, bytesOf(outcome as Partial<Outcome>), bytesMax);
  return error === null ? outcome : { kind: 'failure', retryable: false, error };
}

/** Why a command may not leave so much in the run; null when there is room. */
export function refusalOf(
  command: { readonly type: string },
  bytes: number,
  run: Pick<OwnedRun, 'bytes'>,
  bytesMax: number,
): Rejection | null {
  const error = growing.has(command.type) ? errorOf(run.bytes, bytes, bytesMax) : null;
  return error && { code, message: error.message, limit: error.details.limit };
}

const growing: ReadonlySet<string> = new Set(['signal', 'addSteps', 'completeStep']);

function errorOf(before: number, more: number, bytesMax: number) {
  if (more === 0 || before + more <= bytesMax) return null;
  const message = `the state of this run, ${before} bytes and ${more} more, would be above runStateBytesMax ${bytesMax}`;
  return { code, message, details: { limit: { name: 'runStateBytesMax', value: bytesMax } } } as const;
}

/** What an answer leaves in the run: its result, and the steps that it adds. */
function bytesOf(outcome: Partial<Outcome>): number {
  const result = outcome.kind === 'success' ? (outcome.result?.length ?? 0) : 0;
  return result + (outcome.addSteps ? JSON.stringify(outcome.addSteps).length : 0);
}
