import { acknowledgementFaults } from './oracle/acknowledgements.ts';
import { compensationFaults } from './oracle/compensations.ts';
import type { Evidence } from './oracle/evidence.ts';
import { journalFaults } from './oracle/journal.ts';
import { requestFaults } from './oracle/requests.ts';
import { settlementFaults } from './oracle/settlement.ts';

export type {
  Acknowledgement,
  Evidence,
  LoggedRequest,
  ObservedRun,
  ObservedStep,
  StaleWrite,
  StoredCallback,
} from './oracle/evidence.ts';

/**
 * What must be seen whatever has gone wrong (I1–I8): joins what the API acknowledged, what handlers were sent and
 * what the database holds at the end. Pure, and on plain data: a crash test gets it by HTTP and SQL, the simulation
 * from its model. Answers the violations as sentences that begin with the rule and name run and step.
 *
 * - I1 every acknowledged run exists
 * - I2 exactly one terminal record a step and round
 * - I3 a delivery's `webhook-id` is the same on every attempt, and is no other's
 * - I4 no new attempt after a terminal state until a retry
 * - I5 each compensable completed step of a failed saga has one terminal compensation, in reverse order
 * - I6 at most one accepted callback a wait; what was acknowledged has been recorded
 * - I7 no stale write took effect
 * - I8 everything is terminal in time after the last fault
 */
export function findViolations(evidence: Evidence): string[] {
  return [
    ...acknowledgementFaults(evidence),
    ...evidence.runs.flatMap((run) => [
      ...journalFaults(run),
      ...compensationFaults(run),
      ...settlementFaults(run, evidence),
    ]),
    ...requestFaults(evidence),
    ...(evidence.staleWrites ?? []).map(
      ({ runId, writer, owner }) =>
        `I7 ${runId}: a write of ${writer} took effect while the run was ${owner === null ? "nobody's" : `${owner}'s`}`,
    ),
  ];
}
