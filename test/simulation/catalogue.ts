import { compilePlan, type Plan } from '@waybill/engine';
import { createKeyring } from '@waybill/signing';
import { drawWorkflow } from './definitions.ts';
import type { Random } from './random.ts';

const keyring = createKeyring('0123456789abcdef0123456789abcdef');
export const projectUuid = '01900000-0000-7000-8000-000000000001';
const sealedSecret = keyring.seal('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', `project:${projectUuid}`);

/** The workflows of a simulation, and the secret that its requests are signed with. */
export class Catalogue {
  readonly keyring = keyring;
  readonly sealedSecret = sealedSecret;
  readonly #plans = new Map<string, Plan>();

  constructor(random: Random, count: number) {
    for (let index = 0; index < count; index++) {
      // Sub-workflows are those before it, so that none contains itself.
      const definition = drawWorkflow(random.fork(`workflow ${index}`), `flow-${index}`, [
        ...this.#plans.keys(),
      ]);
      this.#plans.set(definition.id, compilePlan(definition));
    }
  }

  get keys(): string[] {
    return [...this.#plans.keys()];
  }

  planOf(key: string): Plan | null {
    return this.#plans.get(key) ?? null;
  }
}
