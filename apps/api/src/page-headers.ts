import { createHash } from 'node:crypto';

/** Of a page that loads nothing and runs nothing: it is text and this one style sheet, and may be framed by nobody. */
export function pageHeaders(style: string, formAction: "'self'" | "'none'"): Record<string, string> {
  const policy = [
    "default-src 'none'",
    `style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'`,
    "base-uri 'none'",
    `form-action ${formAction}`,
    "frame-ancestors 'none'",
  ];
  return {
    'content-security-policy': policy.join('; '),
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
  };
}
