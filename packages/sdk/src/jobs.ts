import { createVerifier, SigningError, type Verifier } from '@waybill/signing/verify';
import type { WorkflowDefinition } from './definition.ts';
import { ConfigError } from './errors.ts';
import { createHandler, readBody } from './handler.ts';
import type { AnyWorkflow, Job, WebHandler } from './job.ts';
import type { Settings } from './settings.ts';

export interface Jobs {
  /**
   * Whether a request is genuine and not older than 5 minutes. Its body can still be read afterwards.
   *
   * @throws ConfigError `missing_signing_secret`, `invalid_signing_secret`, `body_already_read`.
   */
  verifyRequest(request: Request): Promise<boolean>;
  /**
   * A web handler for a step, a compensation or a hook. `jobs.handler<typeof workflow>(…)` types `context`
   * and the keys of `previousSteps`; a second type argument, step id to result, types their results.
   */
  handler<W extends WorkflowDefinition = AnyWorkflow, Results extends object = object>(
    job: Job<W, Results>,
  ): WebHandler;
}

export function createJobs(settings: Settings): Jobs {
  let cached: Verifier | undefined;
  const verifier = () => {
    cached ??= verifierOf(settings.signingSecrets());
    return cached;
  };

  return {
    async verifyRequest(request) {
      const verify = verifier();
      const copy = request.bodyUsed ? request : request.clone();
      return verify({ headers: request.headers, body: await readBody(copy) });
    },
    // The types say what the workflow promises; the handler itself passes on what came.
    handler: (job) => createHandler(job as unknown as Job, verifier),
  };
}

function verifierOf(secrets: readonly string[]): Verifier {
  try {
    return createVerifier({ secrets });
  } catch (cause) {
    if (!(cause instanceof SigningError)) throw cause;
    throw new ConfigError('invalid_signing_secret', `WAYBILL_SIGNING_SECRET: ${cause.message}`, { cause });
  }
}
