/**
 * The differential suite: requests by grammar through a gateway to real origins, responses by grammar to real clients.
 *
 *   node test/differential/run.ts [--seconds 60] [--seed N] [--origins nginx,go|none] [--clients curl,php|none]
 *
 * Half of the time goes to each direction. Prints what was tried and every finding with the smallest octets that show it;
 * ends with 1 if there is any. What is not installed is left out, and that is said.
 */
import { parseArgs } from 'node:util';
import { skipReason } from '../support/program.ts';
import { clientKinds } from './clients/driver.ts';
import { originKinds } from './origins/catalogue.ts';
import { type Reported, RequestCampaign } from './request-campaign.ts';
import { ResponseCampaign } from './response-campaign.ts';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string' },
    origins: { type: 'string', default: originKinds.map(({ name }) => name).join(',') },
    clients: { type: 'string', default: clientKinds.map(({ name }) => name).join(',') },
  },
});
const seed = values.seed === undefined ? Date.now() % 2 ** 31 : Number(values.seed);
const origins = chosen(originKinds, values.origins);
const clients = chosen(clientKinds, values.clients);
const shareMs = (Number(values.seconds) * 1000) / (origins.length + clients.length);
const findings: Reported[] = [];
console.log(`seed ${seed}`);

let requests = 0;
for (const [nth, kind] of origins.entries()) {
  const campaign = await orSay(kind.name, RequestCampaign.start(kind, seed + nth));
  if (campaign === null) continue;
  await spend(() => campaign.batch(), campaign);
  await campaign.end();
  const { sent, read, refused, proper, statuses } = campaign.figures;
  requests += campaign.messages;
  findings.push(...campaign.findings);
  console.log(
    `${kind.name}: ${campaign.trials} trials, ${campaign.messages} requests, ${proper} of them proper; ${sent} sent on, ${read} in the origin's account; ${refused} trials refused; answers ${counted(statuses)}; ${campaign.findings.length} findings`,
  );
}
let responses = 0;
for (const [nth, kind] of clients.entries()) {
  const campaign = await orSay(kind.name, ResponseCampaign.start(kind, seed + 100 + nth));
  if (campaign === null) continue;
  await spend(() => campaign.batch(), campaign);
  await campaign.end();
  responses += campaign.trials;
  findings.push(...campaign.findings);
  console.log(
    `client ${kind.name}: ${campaign.trials} responses; ${counted(Object.entries(campaign.kinds))}; ${campaign.findings.length} findings`,
  );
}
for (const { origin, sort, detail, octets, isShrunk } of findings)
  console.log(
    `FINDING with ${origin}: ${sort}\n  ${detail}\n  ${isShrunk ? 'smallest' : 'not seen again alone'}: ${octets}\n`,
  );
console.log(
  `${requests} requests and ${responses} responses: ${findings.length} findings (seed ${seed})`,
);
process.exitCode = findings.length === 0 ? 0 : 1;

/** Null, and the reason told, for one that does not start: gunicorn cannot be installed everywhere. */
async function orSay<T>(name: string, starting: Promise<T>): Promise<T | null> {
  try {
    return await starting;
  } catch (error) {
    console.log(`${name} is left out: ${error instanceof Error ? error.message : error}`);
    return null;
  }
}

async function spend(
  batch: () => Promise<void>,
  campaign: { readonly isFull: boolean },
): Promise<void> {
  const endMs = performance.now() + shareMs;
  do await batch();
  while (performance.now() < endMs && !campaign.isFull);
}

function chosen<T extends { readonly name: string; readonly programs: readonly string[] }>(
  kinds: readonly T[],
  names: string,
): T[] {
  const wanted = names === 'none' ? [] : names.split(',');
  const unknown = wanted.filter((name) => !kinds.some((kind) => kind.name === name));
  if (unknown.length > 0)
    throw new Error(
      `no such: ${unknown.join(', ')}; there are ${kinds.map(({ name }) => name).join(', ')}`,
    );
  return kinds.filter(({ name, programs }) => {
    if (!wanted.includes(name)) return false;
    const reason = skipReason(...programs);
    if (reason !== undefined) console.log(`${name}: ${reason}`);
    return reason === undefined;
  });
}

function counted(of: Iterable<readonly [string | number, number]>): string {
  return [...of].map(([what, count]) => `${what}: ${count}`).join(', ');
}
