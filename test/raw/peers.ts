/**
 * Plays the wire documents to real proxies and writes who does what with them.
 *
 *   node test/raw/peers.ts [--peers sidepool,nginx,haproxy,envoy] [--only TEXT] [--write]
 *
 * Each is configured as for the benchmark. One that is not installed is left out, and that is said.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { BenchOrigin } from '../bench/origin.ts';
import { peerCatalogue } from '../bench/peers/catalogue.ts';
import type { Peer } from '../bench/peers/peer.ts';
import { makeTempDir } from '../support/temp-dir.ts';
import type { Side } from '../wire/play.ts';
import { readWireCases, type WireCase } from '../wire/read-wire.ts';
import { type Column, page } from './page.ts';
import { type Expected, expectedOf, playRequest, type Stage } from './play-request.ts';
import { playResponse } from './play-response.ts';
import { RecordingOrigin } from './recording-origin.ts';
import { hasOutcome, startGatewayStage } from './stage.ts';
import { judgeRequest, judgeResponse, type Verdict } from './verdict.ts';

const { values } = parseArgs({
  options: {
    peers: { type: 'string', default: 'sidepool,nginx,haproxy,envoy' },
    only: { type: 'string', default: '' },
    write: { type: 'boolean', default: false },
  },
});
const pagePath = new URL('../../docs/raw-suite.md', import.meta.url);
const sides: readonly Side[] = ['requests', 'responses'];
const cases = Object.fromEntries(
  sides.map((side) => [
    side,
    readWireCases(side).filter(
      (wire) => hasOutcome(wire) && `${wire.document} ${wire.name}`.includes(values.only),
    ),
  ]),
) as Record<Side, WireCase[]>;

// At once: nearly all of the time is waiting for what does not come.
const judged = await Promise.all(
  values.peers.split(',').map((name) => (name === 'sidepool' ? judgeSidepool() : judgePeer(name))),
);
const columns = judged.filter((column) => column !== null);
const text = page(cases, columns);
if (values.write) writeFileSync(pagePath, text);
else process.stdout.write(text);
process.exit(0);

async function judgeSidepool(): Promise<Column> {
  const stage = await startGatewayStage();
  const verdicts = await judgeAll(stage, expectedOf);
  await stage.stop();
  return { title: 'Sidepool', settings: '`host: client`, else default settings', verdicts };
}

async function judgePeer(name: string): Promise<Column | null> {
  const peer = peerCatalogue(undefined).find((each) => each.name === name);
  if (peer === undefined) throw new Error(`no such peer: ${name}`);
  let version: string;
  try {
    version = await peer.prepare();
  } catch (error) {
    process.stderr.write(
      `${name} is left out: ${error instanceof Error ? error.message : error}\n`,
    );
    return null;
  }
  const origin = await new RecordingOrigin().listen();
  const dir = makeTempDir('raw-peers');
  const running = await start(peer, origin, dir);
  try {
    const port = Number(new URL(running.urls[0] ?? '').port);
    const verdicts = await judgeAll({ port, origin, quietMs: 200, timeoutMs: 4_000 }, () => null);
    return { title: version, settings: peer.settings, verdicts };
  } finally {
    await running.stop();
    origin.close();
    dir.remove();
  }
}

function start(peer: Peer, origin: RecordingOrigin, dir: ReturnType<typeof makeTempDir>) {
  // Of an origin the peers ask the port alone.
  const origins = [{ port: origin.port } as BenchOrigin];
  return peer.start({ origins, dir, authority: undefined });
}

async function judgeAll(
  stage: Stage,
  expect: (wire: WireCase) => Expected | null,
): Promise<Record<Side, readonly Verdict[]>> {
  const requests: Verdict[] = [];
  for (const wire of cases.requests)
    requests.push(judgeRequest(wire, await playRequest(wire, stage, expect(wire))));
  const responses: Verdict[] = [];
  for (const wire of cases.responses)
    responses.push(judgeResponse(wire, await playResponse(wire, stage)));
  return { requests, responses };
}
