import type { DispatcherDeps } from './dispatcher.ts';
import type { Session } from './session.ts';
import type { SparedEndpoints } from './spared-endpoints.ts';

export interface SessionEvents {
  /** The lease is gone; nothing of this session is true any more. */
  readonly onLost: (session: Session) => void;
  /** The suspect that was driven has made progress, or is gone: another may be claimed. */
  readonly onSuspectGone: () => void;
  /** There was no room for what waits; now there is. */
  readonly onRoom: () => void;
}

export interface SessionDeps extends DispatcherDeps {
  /** Outlives a session: what is known of endpoints does not hang on a lease. */
  readonly endpoints: SparedEndpoints;
}
