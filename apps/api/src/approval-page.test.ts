import { createHash } from 'node:crypto';
import { createApprovalTokens } from '@waybill/signing';
import { expect, test } from 'vitest';
import { useApi } from '../test/harness.ts';
import { type ApprovalView, approvalPage } from './approval-page.ts';

const api = useApi();
const evil = `"><script>alert('1')</script><img src=x onerror=alert(1)>`;

async function render(view: Partial<ApprovalView>): Promise<string> {
  return String(await approvalPage({ workflow: 'expenses', step: 'approval', outcome: null, ...view }));
}

/** A link to the wait of a new run, as the API gives it; only path and token, as no socket is open. */
async function linkPath(): Promise<string> {
  const definition = { id: 'expenses', steps: [{ id: 'approval', waitFor: 'approved' }] };
  const { body: run } = await api.now.call('POST /v1/workflows', { body: definition });
  const { body: link } = await api.now.call(`POST /v1/runs/${run.id}/steps/approval/approval`);
  return new URL(String(link.url)).pathname;
}

const asForm = { 'content-type': 'application/x-www-form-urlencoded' };

test('names are escaped, whatever they hold', async () => {
  for (const name of ['workflow', 'step', 'outcome']) {
    const page = await render({ [name]: evil });
    expect(page).toContain('&lt;script&gt;');
    expect(page).not.toMatch(/<script|<img/i);
  }
});

test('it asks while there is something to decide, and says what became of it afterwards', async () => {
  const open = await render({});
  expect(open).toContain('waits for a decision');
  expect(open.match(/<button [^>]*>/g)).toEqual([
    '<button name="approved" value="true">',
    '<button name="approved" value="false">',
  ]);
  const over = await render({ outcome: 'Nothing is left to decide.' });
  expect(over).toContain('<p role="status">Nothing is left to decide.</p>');
  expect(over).not.toMatch(/<form|waits for a decision/);
});

test('nothing may be loaded or run, and the form goes to nobody else', async () => {
  const { status, headers, text } = await api.now.call(`GET ${await linkPath()}`, { key: null });
  expect([status, headers.get('content-type')]).toEqual([200, 'text/html; charset=UTF-8']);
  const style = /<style>([\s\S]*)<\/style>/.exec(text)![1]!;
  const hash = createHash('sha256').update(style).digest('base64');
  expect(headers.get('content-security-policy')!.split('; ')).toEqual([
    "default-src 'none'",
    `style-src 'sha256-${hash}'`,
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
  ]);
  expect(text).not.toMatch(/<script|\ssrc=|\sstyle=|\son\w+=|\saction=/i);
  // The token must reach neither a cache nor the site that a later link leads to.
  expect([headers.get('cache-control'), headers.get('referrer-policy')]).toEqual(['no-store', 'no-referrer']);
});

test('a comment with markup is not shown, and one that is too long is refused', async () => {
  const path = await linkPath();
  const send = (comment: string) => {
    const body = new URLSearchParams({ approved: 'true', comment }).toString();
    return api.now.call(`POST ${path}`, { key: null, headers: asForm, body });
  };
  expect(await send('x'.repeat(1001))).toMatchObject({ status: 422, body: { code: 'invalid_request' } });
  const { status, text } = await send(evil);
  expect(status).toBe(200);
  expect(text).toContain('your decision was recorded');
  expect(text).not.toMatch(/alert|<script|<img/i);
});

test('a link whose time is over is gone', async () => {
  // Under the master key of the harness.
  const { mint } = createApprovalTokens('the master key of the api tests');
  const token = mint({ run: 'run_01h2xcejqtf2nbrexx3vqjhp41', step: 'approval' }, 1);
  const page = await api.now.call(`GET /v1/approvals/${token}`, { key: null });
  expect([page.status, page.text]).toMatchObject([410, expect.stringContaining('is over')]);
  const { status, body } = await api.now.call(`POST /v1/approvals/${token}`, { key: null, body: {} });
  expect([status, body.code, body.title]).toEqual([410, 'callback_expired', 'Gone']);
});
