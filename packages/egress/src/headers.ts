/** Set by Waybill or by HTTP itself; a user who could set them could break framing or forge a signature. */
const reservedNames = new Set([
  'accept-encoding',
  'connection',
  'content-encoding',
  'content-length',
  'content-type',
  'expect',
  'host',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'user-agent',
  'traceparent',
  'tracestate',
]);
const reservedPrefixes = ['webhook-', 'waybill-'];

const nameCharsMax = 256;
const valueCharsMax = 8192;

/**
 * Why a user's header is refused, for people (never quoting its value, which may be secret); `undefined` when it is
 * fine. To be asked when a definition is stored; `post` asks again for `userHeaders`.
 */
export function checkHeader(name: string, value: string): string | undefined {
  // RFC 9110 §5.1 and §5.5; control characters (CR, LF, NUL) are what would split a request in two.
  if (name.length > nameCharsMax || !/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(name)) {
    return 'the header name is not an HTTP token of at most 256 characters';
  }
  const lowerName = name.toLowerCase();
  if (reservedNames.has(lowerName) || reservedPrefixes.some((prefix) => lowerName.startsWith(prefix))) {
    return `the header ${lowerName} is reserved`;
  }
  if (value.length > valueCharsMax) return `the value of the header ${lowerName} exceeds 8192 characters`;
  if (!/^[\t\x20-\x7e\x80-\xff]*$/.test(value)) {
    return `the value of the header ${lowerName} holds a character that HTTP does not carry`;
  }
  return undefined;
}
