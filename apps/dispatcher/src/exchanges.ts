import type { Egress, EgressAnswer, OpenRequest } from '@waybill/egress';
import { type Delivery, retryPolicyOf } from '@waybill/engine';
import { classifyAnswer } from '@waybill/protocol';
import type { Clock } from './clock.ts';
import { prepareRequest, urlOf } from './prepare.ts';
import type { EndedExchange, RunDriver } from './run-driver.ts';

export interface ExchangesOptions {
  readonly egress: Egress;
  readonly clock: Clock;
  readonly resultBytesMax: number;
  readonly deliveryBytesMax: number;
  /** An exchange ended: its place is free. */
  readonly onEnd: () => void;
  /** Our own code threw over this run's answer: the run must not take the others down. */
  readonly onCrash: (driver: RunDriver, error: unknown) => void;
}

/** The open HTTP exchanges: prepare → send → classify. */
export class Exchanges {
  readonly #options: ExchangesOptions;
  readonly #open = new Map<Delivery, OpenRequest>();

  constructor(options: ExchangesOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#open.size;
  }

  hasRoom(url: string): boolean {
    return this.#options.egress.hasRoom(url);
  }

  start(driver: RunDriver, delivery: Delivery): void {
    const { state, info, signer } = driver;
    const { egress, clock, deliveryBytesMax } = this.#options;
    const attempt = delivery.attempts;
    const request = prepareRequest(state, info, delivery, signer, clock.now());
    const bytes = Buffer.byteLength(request.body);
    if (bytes > deliveryBytesMax) {
      driver.endAttempt(delivery, attempt, tooLarge(bytes, deliveryBytesMax));
      return;
    }
    const open = egress.post(request);
    this.#open.set(delivery, open);
    void open.answer.then((answer) => {
      this.#open.delete(delivery);
      try {
        driver.endAttempt(delivery, attempt, this.#classify(driver, delivery, answer));
      } catch (error) {
        this.#options.onCrash(driver, error);
      }
      this.#options.onEnd();
    });
  }

  abort(delivery: Delivery): void {
    this.#open.get(delivery)?.abort();
  }

  abortAll(): void {
    for (const open of this.#open.values()) open.abort();
  }

  #classify(driver: RunDriver, delivery: Delivery, answer: EgressAnswer): EndedExchange {
    if (answer.kind === 'answer') {
      const { resultBytesMax, clock } = this.#options;
      const retries = retryPolicyOf(driver.state, delivery);
      return classifyAnswer(answer, { retries, resultBytesMax, nowMs: clock.now() });
    }
    if (answer.code === 'aborted') return 'lost';
    return {
      kind: 'failure',
      retryable: !permanentCodes.has(answer.code),
      error: {
        code: answer.code,
        message: `${answer.message} (${new URL(urlOf(driver.state, delivery)).origin})`,
      },
    };
  }
}

/** Trying again would meet the same refusal. */
const permanentCodes: ReadonlySet<string> = new Set([
  'address_refused',
  'url_refused',
  'header_refused',
  'response_too_large',
]);

function tooLarge(bytes: number, bytesMax: number): EndedExchange {
  const message = `the request has ${bytes} bytes, above deliveryBytesMax ${bytesMax}; narrow what the step is sent`;
  return { kind: 'failure', retryable: false, error: { code: 'input_too_large', message } };
}
