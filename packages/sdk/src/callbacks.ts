import type { CompletedOptions } from './answer.ts';
import type { AddedStep } from './definition.ts';
import { ConfigError } from './errors.ts';
import type { Send } from './http.ts';
import type { CommandAccepted } from './workflows.ts';

export interface CallbackTaken {
  readonly accepted: true;
}

/** `{commandId}`: stored, and carried out once the owner of the run is there again. */
export type CallbackAnswer = CallbackTaken | CommandAccepted;

/** Text, an `Error` (of which only `message` and `code` leave the process), or what the step's error shall say. */
export type CallbackError =
  | string
  | Error
  | { readonly message: string; readonly code?: string; readonly [detail: string]: unknown };

/** What a step may say beside its result. */
export type CompleteOptions = CompletedOptions;

export interface FailOptions {
  /** `true`: the step is sent again, as its `retries` say. Default: it fails for good. */
  readonly retryable?: boolean;
  /** Steps to add to the run although this one fails. */
  readonly addSteps?: readonly AddedStep[];
}

export interface Heartbeat {
  /** 0 to 100. */
  readonly progress?: number;
  readonly note?: string;
}

/**
 * Ends steps that were answered with `pending()`. `url` is `callback.url` of the step's request; no API key is
 * needed or sent. The same call again changes nothing, so all are repeated like calls with an idempotency key.
 *
 * Every method rejects with `ApiError`: 404 for a URL of no callback, 409 when the step does not wait for it any
 * more (`step_not_open`, `run_ended`), 410 `callback_expired`; and with `NetworkError` when no answer came.
 */
export interface Callbacks {
  complete(url: string, result?: unknown, options?: CompleteOptions): Promise<CallbackAnswer>;
  fail(url: string, error: CallbackError, options?: FailOptions): Promise<CallbackAnswer>;
  /** Still at work: the step's timeout starts again. */
  heartbeat(url: string, beat?: Heartbeat): Promise<CallbackAnswer>;
}

export function createCallbacks(send: Send): Callbacks {
  const post = async (url: string, path: string, body: object): Promise<CallbackAnswer> =>
    send({ method: 'POST', callbackUrl: checkedUrl(url), path, body });

  return {
    complete: (url, result = null, { next, addSteps } = {}) =>
      post(url, '', { success: true, result, next, addSteps }),
    fail: (url, error, { retryable, addSteps } = {}) => {
      const said = error instanceof Error ? plain(error) : error;
      return post(url, '', { success: false, error: said, retryable, addSteps });
    },
    heartbeat: (url, beat = {}) => post(url, '/heartbeat', beat),
  };
}

/** The URL is a secret: it does not appear in the message. */
function checkedUrl(url: string): string {
  if (/^https?:\/\//i.test(url) && URL.canParse(url)) return url;
  throw new ConfigError('invalid_callback_url', "the callback's URL must be the one of the step's request");
}

function plain(error: Error & { readonly code?: unknown }): { message: string; code?: string } {
  const { message, code } = error;
  return typeof code === 'string' ? { message, code } : { message };
}
