/**
 * Loaded before the gateway (NODE_OPTIONS=--require): on SIGUSR2 it writes what only the process itself knows to the file
 * named in SOAK_PROBE, and nothing at any other time. The gateway knows nothing of it.
 */
const { renameSync, writeFileSync } = require('node:fs');
const { getHeapStatistics } = require('node:v8');

const { SOAK_PROBE: path } = process.env;
if (path) {
  process.on('SIGUSR2', () => {
    const resources = process.getActiveResourcesInfo();
    const { external } = process.memoryUsage();
    const heap = getHeapStatistics();
    writeFileSync(
      `${path}.new`,
      JSON.stringify({
        resources: resources.length,
        timers: resources.filter((name) => name === 'Timeout' || name === 'Immediate').length,
        external,
        malloced: heap.malloced_memory,
        contexts: heap.number_of_native_contexts + heap.number_of_detached_contexts,
      }),
    );
    renameSync(`${path}.new`, path);
  });
}
