/**
 * `@waybill/signing` (Node): signing of requests, secrets at rest, API keys. Verification is in
 * `@waybill/signing/verify`, which also runs where `node:crypto` does not exist.
 */
export {
  type ApiKey,
  apiKeyPrefix,
  createApiKey,
  hashApiKey,
  isBootstrapApiKey,
  isWellFormedApiKey,
} from './api-key.ts';
export {
  type ApprovalClaims,
  type ApprovalTokens,
  type CallbackClaims,
  type CallbackTokens,
  createApprovalTokens,
  createCallbackTokens,
} from './callback-token.ts';
export { SigningError, type SigningErrorCode } from './errors.ts';
export { createKeyring, type Keyring } from './keyring.ts';
export { createSigner, generateSigningSecret, publicKeyOf, type SignedMessage, type Signer } from './sign.ts';
