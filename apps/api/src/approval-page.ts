import { html, raw } from 'hono/html';
import { pageHeaders } from './page-headers.ts';

const style = `
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 32rem; margin: 4rem auto; padding: 0 1rem; }
  body { color: #1b1f24; background: #fff; color-scheme: light dark; }
  h1, p { overflow-wrap: anywhere; }
  label { display: block; margin: 1rem 0; } textarea { width: 100%; box-sizing: border-box; font: inherit; }
  button { font: inherit; padding: .5rem 1.25rem; margin-right: .5rem; }
  @media (prefers-color-scheme: dark) { body { color: #e6e6e6; background: #16181b; } }
`;

/** The form goes nowhere else. */
export const approvalHeaders = pageHeaders(style, "'self'");

export interface ApprovalView {
  /** Null when the link names no run any more. */
  readonly workflow: string | null;
  readonly step: string;
  /** What has become of it; null while it can still be given. */
  readonly outcome: string | null;
}

/** Asks before it acts: programs that look at the links of a mail must not approve anything. */
export function approvalPage({ workflow, step, outcome }: ApprovalView) {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width" />
        <title>${workflow === null ? step : `${step} · ${workflow}`}</title>
        <style>${raw(style)}</style>
      </head>
      <body>
        <h1>${step}</h1>
        ${workflow === null ? '' : html`<p>A run of <b>${workflow}</b>${outcome === null ? ' waits for a decision' : ''}.</p>`}
        ${outcome === null ? form : html`<p role="status">${outcome}</p>`}
      </body>
    </html>`;
}

const form = html`<form method="post">
  <label>Comment <textarea name="comment" rows="3" maxlength="1000"></textarea></label>
  <button name="approved" value="true">Approve</button>
  <button name="approved" value="false">Reject</button>
</form>`;
