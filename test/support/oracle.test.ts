import { defaultRetryPolicy, type RunEvent, type StepDefinition } from '@waybill/engine';
import { describe, expect, test } from 'vitest';
import { type Evidence, findViolations, type LoggedRequest, type ObservedRun } from './oracle.ts';

const url = 'https://handlers.test/';
const undo = `${url}undo`;
const onError = `${url}error`;

function step(id: string, fields: Partial<StepDefinition> = {}): StepDefinition {
  const plain = {
    url: `${url}${id}`,
    dependsOn: [],
    parallel: true,
    retries: defaultRetryPolicy,
    timeout: 300,
  };
  return { id, ...plain, compensation: undo, ...fields };
}

const at = (ms: number) => 1_000_000 + ms;
const ofStep = (id: string, attempt: number, ms: number) => ({
  ...{ at: at(ms), delivery: 'step' as const, step: id, attempt, startedAt: at(ms - 1) },
});
const error = { code: 'http_status', message: 'no' };

const started = (id: string, attempt: number, ms: number): RunEvent => ({
  ...{ type: 'attempt.started', at: at(ms), delivery: 'step', step: id, attempt },
});
const completed = (id: string, ms: number, attempt = 1): RunEvent => ({
  ...{ type: 'step.completed', ...ofStep(id, attempt, ms), result: '1' },
});
const failed = (id: string, ms: number, attempt = 1): RunEvent => ({
  ...{ type: 'step.failed', ...ofStep(id, attempt, ms), error },
});
const undone = (id: string, ms: number): RunEvent => ({
  ...{ type: 'compensation.completed', ...ofStep(id, 1, ms), delivery: 'compensation' },
});
const hooked: RunEvent = {
  type: 'hook.delivered',
  at: at(90),
  delivery: 'hook',
  attempt: 1,
  startedAt: at(89),
};

/** A saga of three steps: two complete, the third fails. */
const journal: readonly RunEvent[] = [
  { type: 'run.created', at: at(0), started: true },
  completed('a', 10),
  started('b', 1, 12),
  { type: 'attempt.lost', ...ofStep('b', 1, 15) },
  completed('b', 20, 2),
  failed('c', 30),
  { type: 'run.compensating', at: at(30) },
  undone('b', 40),
  undone('a', 50),
  { type: 'run.failed', at: at(50) },
  hooked,
];

const request = (
  kind: LoggedRequest['kind'],
  id: string | undefined,
  ms: number,
  attempt = 1,
): LoggedRequest => ({
  ...{ webhookId: `msg_${kind}_${id}`, attempt, atMs: at(ms), url: `${url}${id}`, kind, runId: 'run_1' },
  ...(id === undefined ? {} : { step: id }),
});
const requests: readonly LoggedRequest[] = [
  request('step', 'a', 1),
  request('step', 'b', 12),
  request('step', 'b', 16, 2),
  request('step', 'c', 21),
  request('compensation', 'b', 31),
  request('compensation', 'a', 41),
  request('hook', undefined, 51),
];

const numbered = (events: readonly RunEvent[]) => events.map((event, index) => ({ seq: index + 1, event }));

function runOf(events: readonly RunEvent[], fields: Partial<ObservedRun> = {}): ObservedRun {
  const states = [
    { id: 'a', state: 'completed' },
    { id: 'b', state: 'completed' },
    { id: 'c', state: 'failed' },
  ];
  const steps = [step('a'), step('b'), step('c')];
  return {
    runId: 'run_1',
    definition: { id: 'flow', steps, timeout: 86_400, saga: true, failurePolicy: 'fail', onError },
    journal: numbered(events),
    status: { state: 'failed', phase: 'done', steps: states },
    queueRow: null,
    inboxRows: 0,
    ...fields,
  };
}

function judge(run: ObservedRun, fields: Partial<Evidence> = {}): string[] {
  return findViolations({
    acknowledgements: [{ kind: 'start', runId: 'run_1' }],
    requests,
    runs: [run],
    lastFaultAtMs: at(60),
    observedAtMs: at(100),
    clockSlackMs: 5,
    ...fields,
  });
}

/** The journal with events put in behind the one at `index`. */
const withBehind = (index: number, ...events: RunEvent[]) => [
  ...journal.slice(0, index + 1),
  ...events,
  ...journal.slice(index + 1),
];
const without = (...types: string[]) => journal.filter(({ type }) => !types.includes(type));
const swapped = [...journal.slice(0, 7), journal[8]!, journal[7]!, ...journal.slice(9)];

describe('the oracle', () => {
  test('has nothing against a saga that failed as it should', () => {
    expect(judge(runOf(journal))).toEqual([]);
  });

  const broken: [string, () => string[]][] = [
    ['I1 run_1: start was acknowledged', () => judge(runOf([]), { runs: [] })],
    [
      'I1 run_1: command c1 was answered as applied',
      () =>
        judge(runOf(journal), {
          acknowledgements: [{ kind: 'command', runId: 'run_1', commandId: 'c1', outcome: 'applied' }],
        }),
    ],
    ['I2 run_1: a ended twice', () => judge(runOf(withBehind(4, failed('a', 20))))],
    ['I2 run_1: run.failed after run.failed', () => judge(runOf(withBehind(9, journal[9]!)))],
    ['I2 run_1: compensation b ended twice', () => judge(runOf(withBehind(7, undone('b', 41))))],
    ['I2 run_1: 0 hooks have ended', () => judge(runOf(without('hook.delivered')))],
    ['I2 run_1: 0 ends in the last round', () => judge(runOf(without('run.failed', 'hook.delivered')))],
    ['I2 run_1: hook 0 ended twice', () => judge(runOf([...journal, hooked]))],
    [
      'I2 run_1: a is running',
      () =>
        judge(
          runOf(journal, {
            status: { state: 'failed', phase: 'done', steps: [{ id: 'a', state: 'running' }] },
          }),
        ),
    ],
    [
      'I2 run_1: step a completed with attempt 1, which nobody was sent',
      () => judge(runOf(journal), { requests: requests.slice(1) }),
    ],
    [
      'I3 run_1: step b had 2 webhook-ids',
      () =>
        judge(runOf(journal), {
          requests: [...requests, { ...request('step', 'b', 17, 3), webhookId: 'msg_other' }],
        }),
    ],
    [
      'I3 run_1: step c was sent as msg_step_c again',
      () => {
        const again: RunEvent[] = [{ type: 'run.reopened', at: at(25) }];
        const other = { ...request('step', 'c', 26), webhookId: 'msg_step_c_r1' };
        return judge(runOf(withBehind(4, ...again)), {
          requests: [...requests, other, request('step', 'c', 27)],
        });
      },
    ],
    [
      'I3 run_1: step b: webhook-id msg_step_a',
      () =>
        judge(runOf(journal), {
          requests: requests.map((each) => (each.step === 'b' ? { ...each, webhookId: 'msg_step_a' } : each)),
        }),
    ],
    [
      'I3 run_1: step a was sent as attempt 0',
      () => judge(runOf(journal), { requests: [...requests, request('step', 'a', 2, 0)] }),
    ],
    [
      'I3 run_1: step a is at-most-once',
      () => {
        const run = runOf(journal);
        const steps = [step('a', { delivery: 'at-most-once' }), step('b'), step('c')];
        const once = { ...run, definition: { ...run.definition, steps } };
        return judge(once, { requests: [...requests, request('step', 'a', 2)] });
      },
    ],
    [
      'I4 run_1: attempt 2 of step a after it completed',
      () => judge(runOf(withBehind(1, started('a', 2, 11)))),
    ],
    [
      'I4 run_1: attempt 2 of step a after run.failed',
      () => judge(runOf(withBehind(9, started('a', 2, 60)))),
    ],
    ['I4 run_1: 4 attempts of step c count, 3 may', () => judge(runOf(withBehind(4, ...failures('c', 3))))],
    [
      'I4 run_1: step a was sent (attempt 2) after its end',
      () => judge(runOf(journal), { requests: [...requests, request('step', 'a', 30, 2)] }),
    ],
    ['I5 run_1: compensated a, b; expected b, a', () => judge(runOf(swapped))],
    ['I5 run_1: compensated nothing; expected b, a', () => judge(runOf(without('compensation.completed')))],
    [
      'I6 run_1: a callback of a, attempt 1, was accepted and nothing',
      () => judge(runOf(journal), { acknowledgements: [callback('a', '1')] }),
    ],
    [
      'I6 run_1: another callback of d, attempt 1, is recorded than accepted',
      () =>
        judge(runOf(withBehind(1, { ...completed('d', 11), callback: 1 } as RunEvent)), {
          acknowledgements: [callback('d', '2')],
        }),
    ],
    [
      'I2 run_1: step c was sent before the end of b',
      () => {
        const run = runOf(journal);
        const steps = [step('a'), step('b'), step('c', { dependsOn: ['b'] })];
        const chained = { ...run, definition: { ...run.definition, steps } };
        return judge(chained, { requests: [...requests, request('step', 'c', 10)] });
      },
    ],
    [
      'I2 run_1: hook  was sent before the run ended',
      () => judge(runOf(journal), { requests: [...requests, request('hook', undefined, 20)] }),
    ],
    [
      'I5 run_1: compensation a was sent before the run compensated',
      () => judge(runOf(journal), { requests: [...requests, request('compensation', 'a', 20)] }),
    ],
    [
      'I6 run_1: c, attempt 1, timed out though its callback was stored 319 ms before',
      () => {
        const error = { code: 'timeout', message: '' };
        const late: RunEvent = { type: 'step.failed', ...ofStep('c', 1, 30), error };
        const events = journal.map((event) => (event.type === 'step.failed' ? late : event));
        const run = runOf(events);
        const steps = [step('a'), step('b'), step('c', { timeout: 0.3 })];
        return judge(
          { ...run, definition: { ...run.definition, steps } },
          {
            storedCallbacks: [{ runId: 'run_1', step: 'c', attempt: 1, atMs: at(10) }],
          },
        );
      },
    ],
    [
      'I6 run_1: command c1 is answered twice',
      () => judge(runOf(withBehind(1, ...[1, 2].map(() => answered('c1'))))),
    ],
    [
      'I6 run_1: two callbacks ended d, attempt 1',
      () => {
        const ended = { ...completed('d', 11), callback: 1 } as RunEvent;
        return judge(runOf(withBehind(1, ended, ended)));
      },
    ],
    ['I7 run_1: row 2 of the journal has seq 3', () => judge(runOf(journal, { journal: gap() }))],
    [
      'I7 run_1: attempt 1 of step b starts after attempt 1',
      () => judge(runOf(withBehind(2, started('b', 1, 13)))),
    ],
    [
      "I7 run_1: a write of d1 took effect while the run was d2's",
      () => judge(runOf(journal), { staleWrites: [{ runId: 'run_1', writer: 'd1', owner: 'd2' }] }),
    ],
    [
      'I8 run_1: running, waiting, 40000 ms',
      () =>
        judge(runOf(journal.slice(0, 3), { status: { state: 'running', phase: 'waiting', steps: [] } }), {
          observedAtMs: at(40_060),
        }),
    ],
    ['I8 run_1: done, and still in the queue', () => judge(runOf(journal, { queueRow: { owner: null } }))],
    ['I8 run_1: done, with 1 row(s)', () => judge(runOf(journal, { inboxRows: 1 }))],
    [
      'I8 run_1: what b waited for was noticed 49000 ms late',
      () => {
        const began: RunEvent = { type: 'step.began', at: at(11), step: 'b', until: at(500) };
        const over: RunEvent = {
          type: 'wait.over',
          at: at(49_500),
          step: 'b',
          startedAt: at(11),
          result: '1',
        };
        return judge(runOf([journal[0]!, began, over]), { settleMsMax: 100_000, lastFaultAtMs: at(60) });
      },
    ],
    ['I8 run_1: its last event came', () => judge(runOf(journal), { lastFaultAtMs: at(60) - 40_000 })],
  ];
  test.each(broken)('finds: %s', (sentence, violations) => {
    expect(violations().filter((found) => found.startsWith(sentence))).toHaveLength(1);
  });

  test('lets a step that failed go again once the run was retried', () => {
    const again: RunEvent[] = [{ type: 'run.reopened', at: at(200) }, completed('c', 210, 2)];
    const steps = ['a', 'b', 'c'].map((id) => ({ id, state: 'completed' }));
    const plain = runOf([...without('run.compensating', 'compensation.completed'), ...again]);
    const done = [
      ...plain.journal.map(({ event }) => event),
      { type: 'run.completed', at: at(210) } as RunEvent,
    ];
    const run: ObservedRun = {
      ...plain,
      journal: numbered(done),
      status: { state: 'completed', phase: 'done', steps },
    };
    const more = [...requests.filter(({ kind }) => kind !== 'compensation'), request('step', 'c', 205, 2)];
    expect(judge(run, { requests: more, lastFaultAtMs: at(220), observedAtMs: at(230) })).toEqual([]);
  });
});

function failures(id: string, count: number): RunEvent[] {
  return Array.from({ length: count }, (_, index) => ({
    ...{ type: 'attempt.failed', ...ofStep(id, index + 1, 21 + index), error, retryAt: at(22) },
  }));
}

function callback(id: string, result: string) {
  return { kind: 'callback', runId: 'run_1', step: id, attempt: 1, isSuccess: true, result } as const;
}

function answered(commandId: string): RunEvent {
  return { type: 'command.applied', at: at(11), commandId };
}

function gap() {
  return numbered(journal).map(({ seq, event }) => ({ seq: seq > 1 ? seq + 1 : seq, event }));
}
