import { createSigner, type Keyring, type Signer } from '@waybill/signing';
import { type Database, liveSecrets } from '@waybill/store';

const signerLifetimeMs = 10_000;

/** Signers by project; a rotated secret is taken up within 10 s. */
export class SignerCache {
  readonly #signers = new Map<string, { signer: Promise<Signer>; readAt: number }>();
  readonly #keyring: Keyring;

  constructor(keyring: Keyring) {
    this.#keyring = keyring;
  }

  get(sql: Database, projectUuid: string): Promise<Signer> {
    const cached = this.#signers.get(projectUuid);
    if (cached && performance.now() - cached.readAt < signerLifetimeMs) return cached.signer;
    const signer = this.#load(sql, projectUuid);
    this.#signers.set(projectUuid, { signer, readAt: performance.now() });
    signer.catch(() => this.#signers.delete(projectUuid));
    return signer;
  }

  async #load(sql: Database, projectUuid: string): Promise<Signer> {
    const sealed = await liveSecrets(sql, projectUuid);
    return createSigner(sealed.map((text) => this.#keyring.open(text, `project:${projectUuid}`)));
  }
}
