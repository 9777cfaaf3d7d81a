import type { DefinitionChecks } from '@waybill/protocol';
import { createSigner, type Keyring, type Signer } from '@waybill/signing';
import { type Database, findProject, liveSecrets } from '@waybill/store';

/** What the runs of a project share. */
export interface Project {
  readonly uuid: string;
  readonly signer: Signer;
  /** For steps that handlers add. */
  readonly checks: DefinitionChecks;
}

const lifetimeMs = 10_000;

/** Projects by id; a rotated secret or a new base URL is taken up within 10 s. */
export class ProjectCache {
  readonly #projects = new Map<string, { project: Promise<Project>; readAt: number }>();
  readonly #keyring: Keyring;
  readonly #checks: Omit<DefinitionChecks, 'baseUrl'>;

  constructor(keyring: Keyring, checks: Omit<DefinitionChecks, 'baseUrl'>) {
    this.#keyring = keyring;
    this.#checks = checks;
  }

  get(sql: Database, uuid: string): Promise<Project> {
    const cached = this.#projects.get(uuid);
    if (cached && performance.now() - cached.readAt < lifetimeMs) return cached.project;
    const project = this.#load(sql, uuid);
    this.#projects.set(uuid, { project, readAt: performance.now() });
    project.catch(() => this.#projects.delete(uuid));
    return project;
  }

  async #load(sql: Database, uuid: string): Promise<Project> {
    const [sealed, row] = await Promise.all([liveSecrets(sql, uuid), findProject(sql, uuid)]);
    const signer = createSigner(sealed.map((text) => this.#keyring.open(text, `project:${uuid}`)));
    return { uuid, signer, checks: { ...this.#checks, baseUrl: row?.baseUrl ?? null } };
  }
}
