export type SigningErrorCode =
  | 'invalid_signing_secret'
  | 'invalid_message'
  | 'invalid_master_key'
  | 'malformed_sealed_text'
  | 'unknown_sealing_key'
  | 'unseal_failed';

/**
 * The one error of this package. `message` never holds a secret, a key or a plaintext, so it may be
 * logged and shown; callers branch on `code`.
 */
export class SigningError extends Error {
  override readonly name = 'SigningError';
  readonly code: SigningErrorCode;

  constructor(code: SigningErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
