import { defineConfig } from 'vitest/config';

// Tests run against the TypeScript sources; only tests that start processes use dist/.
const conditions = ['@waybill/source', 'node', 'module', 'default'];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    include: ['packages/**/*.test.ts', 'apps/**/*.test.ts', 'test/**/*.test.ts'],
    exclude: ['**/node_modules/**', '**/dist/**'],
    setupFiles: ['test/support/property-seeds.ts'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    maxWorkers: 2,
    // Busy machines: what is waited for may take its time, and fails only by not coming.
    expect: { poll: { timeout: 30_000 } },
  },
});
