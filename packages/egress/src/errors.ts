/** Stable words a caller may branch on. */
export type EgressErrorCode = 'invalid_cidr' | 'address_refused';

/** Thrown for wrong settings. What goes wrong with a request is an answer of kind `failure`, never a throw. */
export class EgressError extends Error {
  readonly code: EgressErrorCode;

  constructor(code: EgressErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'EgressError';
    this.code = code;
  }
}
