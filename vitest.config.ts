import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 20_000,
    hookTimeout: 30_000,
    // Two cores are the common case; integration suites start real servers and measure time.
    maxWorkers: 2,
  },
});
