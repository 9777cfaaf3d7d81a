import { Validator } from '@seriousme/openapi-schema-validator';
import { expect, test } from 'vitest';
import { useApi } from '../test/harness.ts';

const api = useApi();

test('the document is valid OpenAPI 3.1', async () => {
  const { status, headers, body } = await api.now.call('GET /openapi.json', { key: null });
  expect(status).toBe(200);
  expect(headers.get('content-type')).toBe('application/json');
  expect(body.openapi).toMatch(/^3\.1\./);
  const result = await new Validator().validate(structuredClone(body));
  expect(result.errors).toBeUndefined();
  expect(result.valid).toBe(true);
});

test('every operation but callbacks and approvals asks for a key, and each declares its problems', () => {
  const operations = Object.entries(api.now.document.paths).flatMap(([path, methods]) =>
    Object.values(methods).map((operation) => ({ path, operation })),
  );
  expect(operations.length).toBeGreaterThan(10);
  for (const { path, operation } of operations) {
    expect(operation.security).toEqual(/^\/v1\/(callbacks|approvals)\//.test(path) ? [] : [{ key: [] }]);
    expect(operation.responses.default?.content).toHaveProperty(['application/problem+json']);
  }
});
