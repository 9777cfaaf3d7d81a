/** How far a request got. `send`: written at least in part, so it may have acted. `receive`: status and headers came. */
export type EgressPhase = 'policy' | 'connect' | 'send' | 'receive';

export type EgressFailureCode =
  | 'address_refused'
  | 'url_refused'
  | 'header_refused'
  | 'connect_failed'
  | 'connection_lost'
  | 'timeout'
  | 'response_too_large'
  | 'aborted';

export interface EgressResponse {
  kind: 'answer';
  status: number;
  /** Names in lower case; a name that occurs twice has an array. */
  headers: Record<string, string | string[] | undefined>;
  /** As sent (never decompressed), read as UTF-8; invalid bytes become U+FFFD. */
  body: string;
  durationMs: number;
}

export interface EgressFailure {
  kind: 'failure';
  phase: EgressPhase;
  code: EgressFailureCode;
  /** For people. Names the host at most, never the path, a header or a body. */
  message: string;
  durationMs: number;
}

export type EgressAnswer = EgressResponse | EgressFailure;
