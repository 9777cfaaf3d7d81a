import { hashFraction } from '@waybill/engine';

/**
 * Spares endpoints that only fail. An endpoint is a URL as a project's runs name it: projects do not open each
 * other's circuits, nor does a bad URL those of its host.
 *
 *     closed ──20 failures in a row, of 5 deliveries or more─▶ open
 *     open   ──its time is over: one attempt goes as a probe─▶ half open
 *     half open ──the probe failed: open for twice as long───▶ open
 *     any    ──a success─────────────────────────────────────▶ closed
 *
 * A circuit delays attempts and does nothing else to them. Pure: time is a parameter, jitter a hash.
 */
export class Circuits {
  readonly #options: CircuitsOptions;
  /** Of endpoints whose latest answer was a failure, and of none else; in order of use. */
  readonly #circuits = new Map<string, Circuit>();
  #open = 0;

  constructor(options: CircuitsOptions = defaultCircuits) {
    this.#options = options;
  }

  /** Endpoints that are being spared. */
  get open(): number {
    return this.#open;
  }

  /** No endpoint's latest answer was a failure. */
  get areAllWell(): boolean {
    return this.#circuits.size === 0;
  }

  /**
   * Until when an attempt that is due now is held back; null: it may go, as a probe if it is the first after the
   * circuit's time. `seed` names the delivery, and spreads what was held back.
   */
  heldUntil(endpoint: string, seed: string, nowMs: number): number | null {
    if (this.#open === 0) return null;
    const circuit = this.#circuits.get(endpoint);
    if (circuit === undefined || circuit.openForMs === 0) return null;
    if (nowMs < circuit.openUntilMs) return this.#spread(circuit, circuit.openUntilMs, seed);
    if (circuit.probeUntilMs > nowMs) return this.#spread(circuit, circuit.probeUntilMs, seed);
    circuit.probeUntilMs = nowMs + this.#options.probeMs;
    return null;
  }

  /** An exchange has ended. Answers what changed, for the log. */
  ended(endpoint: string, delivery: object, isFailure: boolean, nowMs: number): 'opened' | 'closed' | null {
    return isFailure ? this.#failed(endpoint, delivery, nowMs) : this.#succeeded(endpoint);
  }

  #succeeded(endpoint: string): 'closed' | null {
    const circuit = this.#circuits.get(endpoint);
    if (circuit === undefined) return null;
    this.#forget(endpoint, circuit);
    return circuit.openForMs > 0 ? 'closed' : null;
  }

  #failed(endpoint: string, delivery: object, nowMs: number): 'opened' | null {
    const { failuresMin, deliveriesMin, openMs, openMsMax } = this.#options;
    const circuit = this.#circuits.get(endpoint) ?? createCircuit();
    this.#circuits.delete(endpoint);
    this.#circuits.set(endpoint, circuit);
    this.#evict();
    if (circuit.openForMs > 0) {
      // Attempts that were under way when it opened say nothing new.
      if (nowMs >= circuit.openUntilMs) reopen(circuit, Math.min(2 * circuit.openForMs, openMsMax), nowMs);
      return null;
    }
    circuit.failures++;
    if (circuit.deliveries.size < deliveriesMin) circuit.deliveries.add(delivery);
    // One delivery alone has a back-off of its own, which its workflow chose.
    if (circuit.failures < failuresMin || circuit.deliveries.size < deliveriesMin) return null;
    circuit.deliveries.clear();
    reopen(circuit, openMs, nowMs);
    this.#open++;
    return 'opened';
  }

  /** As long again as the circuit was open: those held back do not come all at once. */
  #spread(circuit: Circuit, fromMs: number, seed: string): number {
    return Math.ceil(fromMs + hashFraction(`${seed}:${fromMs}`) * circuit.openForMs);
  }

  #evict(): void {
    if (this.#circuits.size <= this.#options.endpointsMax) return;
    const [endpoint, circuit] = this.#circuits.entries().next().value!;
    this.#forget(endpoint, circuit);
  }

  #forget(endpoint: string, circuit: Circuit): void {
    this.#circuits.delete(endpoint);
    if (circuit.openForMs > 0) this.#open--;
  }
}

export interface CircuitsOptions {
  /** Failures in a row that open a circuit, and how many deliveries they must be of. */
  readonly failuresMin: number;
  readonly deliveriesMin: number;
  /** How long it is open at first, and at most. */
  readonly openMs: number;
  readonly openMsMax: number;
  /** How long others wait for a probe. */
  readonly probeMs: number;
  /** Endpoints that are kept in mind; the one that failed longest ago is forgotten, and so closed. */
  readonly endpointsMax: number;
}

const defaultCircuits: CircuitsOptions = {
  failuresMin: 20,
  deliveriesMin: 5,
  openMs: 2_000,
  openMsMax: 15_000,
  probeMs: 1_000,
  endpointsMax: 10_000,
};

interface Circuit {
  failures: number;
  /** Some of those that failed, as long as it is closed. */
  readonly deliveries: Set<object>;
  /** 0: closed. */
  openForMs: number;
  openUntilMs: number;
  probeUntilMs: number;
}

function createCircuit(): Circuit {
  return { failures: 0, deliveries: new Set(), openForMs: 0, openUntilMs: 0, probeUntilMs: 0 };
}

function reopen(circuit: Circuit, forMs: number, nowMs: number): void {
  circuit.openForMs = forMs;
  circuit.openUntilMs = nowMs + forMs;
  circuit.probeUntilMs = 0;
}
