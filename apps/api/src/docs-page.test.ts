import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { useApi } from '../test/harness.ts';
import { docsPage } from './docs-page.ts';

const api = useApi();

test('the page names every operation and every schema, and links only to what is there', async () => {
  const { status, headers, text } = await api.now.call('GET /docs', { key: null });
  expect([status, headers.get('content-type')]).toEqual([200, 'text/html; charset=UTF-8']);
  const { paths, components } = api.now.document;
  for (const [path, methods] of Object.entries(paths)) {
    for (const method of Object.keys(methods)) {
      expect(text).toContain(`<code><b>${method.toUpperCase()}</b> ${path}</code>`);
    }
  }
  for (const name of Object.keys(components.schemas)) expect(text).toContain(`<details id="${name}">`);
  const links = [...text.matchAll(/href="#([^"]*)"/g)].map(([, name]) => name!);
  expect(links.length).toBeGreaterThan(10);
  for (const name of links) expect(components.schemas).toHaveProperty(name);
  expect(text).not.toContain('undefined');
});

test('nothing may be loaded or run: the policy lets the one style sheet through', async () => {
  const { headers, text } = await api.now.call('GET /docs', { key: null });
  const style = /<style>([\s\S]*)<\/style>/.exec(text)![1]!;
  const hash = createHash('sha256').update(style).digest('base64');
  const policy = headers.get('content-security-policy')!.split('; ');
  expect(policy).toContain("default-src 'none'");
  expect(policy).toContain(`style-src 'sha256-${hash}'`);
  expect(policy).toContain("frame-ancestors 'none'");
  expect(headers.get('content-security-policy')).not.toContain('unsafe');
  expect(text).not.toMatch(/<script|\ssrc=|\sstyle=|\son\w+=/i);
});

test('what comes from the document is escaped', () => {
  const evil = `"><script>alert('1')</script>`;
  const operation = {
    tags: [evil],
    summary: evil,
    parameters: [{ in: evil, name: evil, schema: { description: evil } }],
    requestBody: { content: { json: { schema: { $ref: `#/${evil}` } } } },
    responses: { [evil]: { description: evil } },
  };
  const page = docsPage({
    info: { title: evil, version: evil },
    paths: { [evil]: { [evil]: operation } },
    components: { schemas: { [evil]: evil } },
  });
  expect(page.length).toBeGreaterThan(1000);
  expect(page).not.toContain('<script');
  expect(page).not.toContain('">&');
});
