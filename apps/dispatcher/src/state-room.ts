import type { Outcome } from '@waybill/engine';
import type { Quarantine } from './driver-types.ts';
import type { OwnedRun } from './owned-runs.ts';

const code = 'run_state_too_large';

/** Why a run that has outgrown its limit all the same is ended. */
export function stateTooLarge(bytesMax: number): Quarantine {
  return {
    code,
    message: `context, steps and results of this run take more than runStateBytesMax ${bytesMax}`,
  };
}

/** A result that the run's state has no room for fails its step; trying again would meet the same. */
export function withinState<Other>(
  outcome: Outcome | Other,
  run: Pick<OwnedRun, 'bytes'> | undefined,
  bytesMax: number,
): Outcome | Other {
  if (!isSuccess(outcome) || (run?.bytes ?? 0) + outcome.result.length <= bytesMax) return outcome;
  const size = `${run?.bytes} bytes and a result of ${outcome.result.length}`;
  const message = `the state of this run, ${size}, would be above runStateBytesMax ${bytesMax}`;
  const details = { limit: { name: 'runStateBytesMax', value: bytesMax } };
  return { kind: 'failure', retryable: false, error: { code, message, details } };
}

function isSuccess(outcome: unknown): outcome is Extract<Outcome, { kind: 'success' }> {
  return (outcome as { kind?: unknown }).kind === 'success';
}
