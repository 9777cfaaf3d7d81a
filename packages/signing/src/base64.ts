const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** Bytes of padded standard base64; undefined for any other text. `atob` alone would skip white space. */
export function decodeBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (!BASE64.test(text)) return undefined;
  return Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
}

/**
 * As `decodeBase64`, but only for the one canonical spelling. The last character before the padding has
 * unused bits: without this, several texts would name the same signature.
 */
export function decodeCanonicalBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  const bytes = decodeBase64(text);
  if (!bytes || btoa(String.fromCharCode(...bytes)) !== text) return undefined;
  return bytes;
}
