import type { Random } from './random.ts';

/** Rates of everything that can go wrong, or be asked for, in one simulation. 0: it does not happen. */
export type Swarm = Readonly<Record<FaultKind, number>>;

/** Shares of all operations, requests or runs; those that end in `EveryS` are mean times between two, in seconds. */
export const faultKinds = [
  // The way to the database and back
  'requestLost',
  'answerLost',
  'slowDatabase',
  'transientError',
  'outageEveryS',
  // Processes
  'killEveryS',
  'stopEveryS',
  'drainEveryS',
  'heartbeatsLostEveryS',
  'hintLost',
  'clockSkew',
  // Handlers and the way to them
  'connectFailed',
  'handlerFails',
  'handlerRefuses',
  'handlerHangs',
  'handlerSlow',
  'handlerAnswerLost',
  'handlerPends',
  'callbackLost',
  'callbackRepeated',
  'callbackEarly',
  'retryAfter',
  'choosesNext',
  'addsSteps',
  'unstorableResult',
  'largeResult',
  // Commands, per run
  'cancel',
  'pause',
  'retry',
  'signal',
  'byHand',
  'addSteps',
  'resendHook',
  // Room
  'littleRoom',
] as const;

export type FaultKind = (typeof faultKinds)[number];

const most: Swarm = {
  requestLost: 0.05,
  answerLost: 0.08,
  slowDatabase: 0.03,
  transientError: 0.05,
  outageEveryS: 40,
  killEveryS: 20,
  stopEveryS: 25,
  drainEveryS: 40,
  heartbeatsLostEveryS: 30,
  hintLost: 0.9,
  clockSkew: 1,
  connectFailed: 0.2,
  handlerFails: 0.35,
  handlerRefuses: 0.08,
  handlerHangs: 0.08,
  handlerSlow: 0.4,
  handlerAnswerLost: 0.15,
  handlerPends: 0.4,
  callbackLost: 0.3,
  callbackRepeated: 0.5,
  callbackEarly: 0.4,
  retryAfter: 0.3,
  choosesNext: 0.2,
  addsSteps: 0.15,
  unstorableResult: 0.02,
  largeResult: 0.03,
  cancel: 0.4,
  pause: 0.5,
  retry: 1.5,
  signal: 0.8,
  byHand: 0.8,
  addSteps: 0.4,
  resendHook: 0.4,
  littleRoom: 1,
};

/** With none of them every message gets through. */
export const databaseFaults: ReadonlySet<FaultKind> = new Set<FaultKind>([
  'requestLost',
  'answerLost',
  'slowDatabase',
  'transientError',
  'outageEveryS',
]);

/** Each kind is off in half of the simulations; where it is on, its rate is anything up to the most. */
export function drawSwarm(random: Random): Swarm {
  const swarm: Record<string, number> = {};
  // Some simulations are to be quiet, so that rare things are not drowned by frequent ones.
  const share = random.pick([0.2, 0.5, 0.5, 0.8]);
  // With a database that is always there more can be expected, so it has to be expected now and then.
  const isReliable = random.chance(0.25);
  for (const kind of faultKinds) {
    const isOn = random.chance(share) && !(isReliable && databaseFaults.has(kind));
    const scale = random.between(0.1, 1);
    const rate = kind.endsWith('EveryS') ? most[kind] / scale : most[kind] * scale;
    swarm[kind] = isOn ? rate : 0;
  }
  return swarm as Swarm;
}

/** The same without some kinds: for shrinking. */
export function without(swarm: Swarm, kinds: ReadonlySet<FaultKind>): Swarm {
  return Object.fromEntries(faultKinds.map((kind) => [kind, kinds.has(kind) ? 0 : swarm[kind]])) as Record<
    FaultKind,
    number
  >;
}
