import type { DefinitionChecks } from '@waybill/protocol';
import { createSigner, type Keyring, type Signer } from '@waybill/signing';
import { processRuntime, type Runtime } from '@waybill/store';
import type { DispatcherStore } from './dispatcher-store.ts';

/** What the runs of a project share. */
export interface Project {
  readonly uuid: string;
  readonly signer: Signer;
  /** For steps that handlers add. */
  readonly checks: DefinitionChecks;
}

type ProjectSource = Pick<DispatcherStore, 'findProject' | 'liveSecrets'>;

const lifetimeMs = 10_000;

/** Projects by id; a rotated secret or a new base URL is taken up within 10 s. */
export class ProjectCache {
  readonly #projects = new Map<string, { project: Promise<Project>; readAt: number }>();
  readonly #keyring: Keyring;
  readonly #checks: Omit<DefinitionChecks, 'baseUrl'>;
  readonly #runtime: Runtime;

  constructor(keyring: Keyring, checks: Omit<DefinitionChecks, 'baseUrl'>, runtime = processRuntime) {
    this.#runtime = runtime;
    this.#keyring = keyring;
    this.#checks = checks;
  }

  get(source: ProjectSource, uuid: string): Promise<Project> {
    const cached = this.#projects.get(uuid);
    if (cached && this.#runtime.monotonic() - cached.readAt < lifetimeMs) return cached.project;
    const project = this.#load(source, uuid);
    this.#projects.set(uuid, { project, readAt: this.#runtime.monotonic() });
    project.catch(() => this.#projects.delete(uuid));
    return project;
  }

  async #load(source: ProjectSource, uuid: string): Promise<Project> {
    const [sealed, row] = await Promise.all([source.liveSecrets(uuid), source.findProject(uuid)]);
    const signer = createSigner(sealed.map((text) => this.#keyring.open(text, `project:${uuid}`)));
    return { uuid, signer, checks: { ...this.#checks, baseUrl: row?.baseUrl ?? null } };
  }
}
