/**
 * A controller's `/metrics`, from its own figures and its own catalogue, without an API server: what it would have counted
 * is counted here. The names, types and labels are the real ones; the events are made up.
 */

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ControllerFigures, controllerCatalogue } from '../../src/controller/figures.ts';
import { Exposition } from '../../src/telemetry/exposition.ts';

export interface FakeController {
  readonly port: number;
  readonly figures: ControllerFigures;
  /** Does a second's worth of what controllers do. */
  work(): void;
  close(): Promise<void>;
}

export async function startFakeController(): Promise<FakeController> {
  const figures = new ControllerFigures();
  const exposition = new Exposition();
  const families = controllerCatalogue({ version: '0.1.0', node: process.versions.node });
  let lines = 0;
  exposition.declare(families);
  exposition.add(families, {
    labels: {},
    take: () => ({
      figures,
      wallSeconds: Date.now() / 1000,
      endpoints: { streams: 12, lines },
      memory: { residentBytes: 90e6, heapUsedBytes: 20e6 },
      cpuSeconds: process.cpuUsage().user / 1e6,
    }),
  });
  const server = createServer((request, response) => {
    void exposition.page(request.headers.accept ?? '').then(({ contentType, body }) => {
      response.writeHead(200, { 'Content-Type': contentType });
      response.end(body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  figures.isLeader = true;
  figures.isNativePossible = true;
  figures.servingExpiry = Date.now() / 1000 + 20 * 86_400;
  figures.authorityExpiry = Date.now() / 1000 + 200 * 86_400;
  figures.missedPods = 0;
  return {
    port: (server.address() as AddressInfo).port,
    figures,
    work() {
      figures.admissions.injected += 2;
      figures.admissions['not-asked'] += 5;
      figures.admissions['not-injected'] += 1;
      for (const durationMs of [1.5, 2, 3, 9]) figures.durations.observe(durationMs);
      figures.errors['token-review'] += 1;
      lines += 7;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
