/** A mistake put into built code: `find` occurs once in the file. */
export interface PlantedBug {
  readonly name: string;
  /** Built, below the root of the repository. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

const engine = 'packages/engine/dist';
const store = 'packages/store/dist';
const dispatcher = 'apps/dispatcher/dist';
const model = 'test/dist/simulation/model';

/** What the simulation has to find, each within 1,000 seeds: if it cannot fail, it shows nothing. */
export const plantedBugs: readonly PlantedBug[] = [
  {
    name: 'the database does not fence',
    file: `${model}/flush.js`,
    find: 'if (ownerUuid !== null)\n        database.fence(ownerUuid);',
    replace: '',
  },
  {
    name: 'sends without looking at the lease',
    file: `${dispatcher}/lease.js`,
    find: 'return !this.#isEnded && this.#options.clock.monotonic() - this.#lastSentAt < sendWindowMs;',
    replace: 'return true;',
  },
  {
    name: 'one attempt too many',
    file: `${engine}/end-of-attempt.js`,
    find: 'delivery.spent >= policy.maxAttempts',
    replace: 'delivery.spent > policy.maxAttempts',
  },
  {
    name: 'compensates first what completed first',
    file: `${engine}/compensate.js`,
    find: 'isCompensable(state.plan.steps[index]));',
    replace: 'isCompensable(state.plan.steps[index])).reverse();',
  },
  {
    name: 'takes commands out of the inbox before they are recorded',
    file: `${dispatcher}/inbox-reader.js`,
    find: 'const repeats = rows.filter',
    replace: 'await store.deleteCommands(rows); const repeats = rows.filter',
  },
  {
    name: 'a timeout does not look into the inbox',
    file: `${dispatcher}/session.js`,
    find: 'void this.readInbox()\n            .catch(() => { })\n            .then(fire);',
    replace: 'fire();',
  },
  {
    name: 'a webhook-id for each attempt',
    file: `${dispatcher}/prepare.js`,
    find: 'webhookId(info.id, delivery.kind, delivery.index, delivery.round);',
    replace: 'webhookId(info.id, delivery.kind, delivery.index, delivery.attempts);',
  },
  {
    name: 'any duplicate passes for our own commit',
    file: `${store}/journal/journal.js`,
    find: "if (diagnosis === 'duplicate' && isUnknown && (await this.#isPresent(lane, batch))) {",
    replace: "if (diagnosis === 'duplicate') {",
  },
  {
    name: 'rows of another writer pass for our own',
    file: `${store}/journal/journal.js`,
    find: '(await lane.countPresent(numbered)) === events',
    replace: '(await lane.countPresent(numbered)) >= 0',
  },
  {
    name: 'a driver whose entry failed goes on',
    file: `${dispatcher}/session.js`,
    find: 'onFailure(driver, error) {\n        this.#remove(driver);',
    replace: 'onFailure(driver, error) {',
  },
  {
    name: 'a run is ended after two dead dispatchers',
    file: `${dispatcher}/run-loader.js`,
    find: 'claim.claims > suspectClaims',
    replace: 'claim.claims >= suspectClaims',
  },
  {
    name: 'the hook is sent once more after it was taken',
    file: `${engine}/evolve-delivery.js`,
    find: "if (delivery.kind === 'hook')\n        awaitHooks(state);\n    else if (delivery.kind === 'compensation')\n        nextCompensation(state, effects);\n    else\n        completeFrom",
    replace:
      "if (delivery.kind === 'hook' && delivery.again) awaitHooks(state);\n    else if (delivery.kind === 'hook') { delivery.again = true; delivery.state = 'open'; effects.due(delivery); }\n    else if (delivery.kind === 'compensation')\n        nextCompensation(state, effects);\n    else\n        completeFrom",
  },
  {
    name: 'the end of a child is not told to its parent',
    file: `${dispatcher}/posts.js`,
    find: 'if (isEnd && parent) {',
    replace: 'if (false) {',
  },
  {
    name: 'a parked run sleeps through its deadline',
    file: `${dispatcher}/idle-runs.js`,
    find: 'Math.min(leastDeadline(state, nowMs) - leadMs, nowMs + parkedMsMax)',
    replace: 'nowMs + parkedMsMax',
  },
  {
    name: 'effects are let out before they are durable',
    file: `${dispatcher}/run-driver.js`,
    find: 'await journal.append(entry);',
    replace: 'this.#guard(() => this.#outbox.letOut(applied.effects)); await journal.append(entry);',
  },
  {
    name: 'starts are not recorded before a run drains',
    file: `${dispatcher}/run-driver.js`,
    find: '            this.#recordStarts(effects);',
    replace: '            {}',
  },
  {
    name: 'a takeover leaves open exchanges open',
    file: `${dispatcher}/run-driver.js`,
    find: "this.apply({ type: 'loseAttempts' });",
    replace: '{}',
  },
  {
    name: 'a takeover forgets what waits for its time',
    file: `${dispatcher}/run-driver.js`,
    find: 'wakes: waking, revokedDeliveries: []',
    replace: 'wakes: [], revokedDeliveries: []',
  },
  {
    name: 'claims whose answer was lost are not adopted',
    file: `${dispatcher}/session.js`,
    find: 'await this.#load(await takeStock({ store, log, me, remove, runs: this.#runs }));',
    replace: 'await takeStock({ store, log, me, remove, runs: this.#runs });',
  },
  {
    name: 'nobody rescues the runs of the dead',
    file: `${dispatcher}/session.js`,
    find: 'await this.#deps.store.rescueExpired();',
    replace: '[];',
  },
  {
    name: 'a callback ends what has ended',
    file: `${engine}/decide-callback.js`,
    find: "const isOpen = delivery.state === 'open' && (stepState === 'running' || stepState === 'waiting');",
    replace: 'const isOpen = true;',
  },
  {
    name: 'at-most-once is sent again after a rescue',
    file: `${engine}/decide.js`,
    find: "definition.delivery === 'at-most-once' || isGivenUp(state, delivery)",
    replace: 'isGivenUp(state, delivery)',
  },
  {
    name: 'a due step is never sent',
    file: `${dispatcher}/run-outbox.js`,
    find: 'return this.#context.queue.push(this.#driver, delivery, urlOf(state, delivery));',
    replace:
      "{ if (delivery.kind === 'step' && (globalThis.due = (globalThis.due ?? 0) + 1) % 10 === 0) return; return this.#context.queue.push(this.#driver, delivery, urlOf(state, delivery)); }",
  },
  {
    name: 'a place is spent on a step that is not sent any more',
    file: `${dispatcher}/run-outbox.js`,
    find: 'if (!this.#driver.isToSend(delivery))\n                continue;',
    replace: '',
  },
  {
    name: 'the journal stays stuck once it was',
    file: `${store}/journal/journal.js`,
    find: '#committed(batch) {\n        this.#stuckSince = null;',
    replace: '#committed(batch) {',
  },
];
