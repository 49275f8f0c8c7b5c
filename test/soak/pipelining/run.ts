/** One run: an origin, a gateway before it, the clients, and the account of it all. */
import { processorTimeUs } from '../../bench/process-figures.ts';
import { startGatewayFor } from '../../support/gateway.ts';
import type { Metrics } from '../../support/metrics.ts';
import type { Ask } from './asks.ts';
import { type Answer, runLoad } from './clients.ts';
import type { EchoOrigin, OriginAccount, OriginKind } from './origins.ts';

/** As the configuration takes it: `pipelining` of an upstream. */
export type Pipelining = 'off' | 'auto' | number;

export interface RunOptions {
  readonly origin: OriginKind;
  readonly pipelining: Pipelining;
  readonly requests: number;
  readonly seed: number;
  readonly keepAliveClients: number;
  readonly oneRequestClients: number;
  /** Fewer than clients, so that some have to wait: without that nothing is worth pipelining. */
  readonly maxConnections: number;
  readonly limitMs: number;
}

export type ByMethod = Record<Ask['method'], number>;

export interface RunResult {
  readonly origin: string;
  readonly pipelining: string;
  readonly seed: number;
  readonly wanted: number;
  readonly sent: number;
  readonly seconds: number;
  /** Of the gateway, for each request. */
  readonly processorUs: number;
  readonly right: number;
  /** Clients that went away of their own will. */
  readonly left: number;
  readonly cut: number;
  readonly told: number;
  /** By `METHOD status error; details`. */
  readonly toldBy: Readonly<Record<string, number>>;
  readonly wrong: number;
  readonly lost: number;
  /** The first of the wrong and lost ones, in words. */
  readonly examples: readonly string[];
  /** Framings of the right ones, so that a run that proved little can be told. */
  readonly framings: Readonly<Record<string, number>>;
  /** By method, ids that the origin saw twice, and more than twice. */
  readonly twice: ByMethod;
  readonly more: ByMethod;
  /** Ids answered rightly that the origin says it has not seen: its account is then not to be relied on. */
  readonly unaccounted: number;
  /** What the gateway counted during the run, of what bears on this. */
  readonly gateway: Readonly<Record<string, number>>;
  readonly deeds: Readonly<Record<string, number>>;
  /** The gateway's last log lines: where a failure that should not be is explained. */
  readonly log: readonly string[];
}

export async function runPipelining(options: RunOptions): Promise<RunResult> {
  const origin = await options.origin.start(options.seed);
  let account: OriginAccount | undefined;
  try {
    const during = await throughGateway(origin, options);
    account = await origin.stop();
    return resultOf(options, during, account);
  } finally {
    if (account === undefined) await origin.stop();
  }
}

interface During {
  readonly answers: readonly Answer[];
  readonly seconds: number;
  readonly processorUs: number;
  readonly gateway: Record<string, number>;
  readonly log: readonly string[];
}

async function throughGateway(origin: EchoOrigin, options: RunOptions): Promise<During> {
  const { pipelining, maxConnections } = options;
  const gateway = await startGatewayFor(
    origin.url,
    { pipelining, pool: { maxConnections, warmMax: Math.min(8, maxConnections) } },
    { readyTimeoutMs: 30_000 },
  );
  try {
    const before = await gateway.metrics();
    const processorBefore = processorTimeUs(gateway.pid);
    const fromMs = performance.now();
    const answers = await runLoad({ port: gateway.port, mix: options.origin.mix, ...options });
    const seconds = (performance.now() - fromMs) / 1_000;
    const processorUs = (processorTimeUs(gateway.pid) - processorBefore) / answers.length;
    const exit = gateway.process.exit;
    if (exit !== undefined) throw new Error(`the gateway ended: ${gateway.output().slice(-2_000)}`);
    const counts = growth(before, await gateway.metrics());
    const log = gateway.output().trim().split('\n').slice(-20);
    return { answers, seconds, processorUs, gateway: counts, log };
  } finally {
    await gateway.stop();
  }
}

/** Whatever exists of these in the gateway's catalogue. */
const told =
  /^sidepool_upstream_(\w*pipelin\w*|\w*rescue\w*|retries_total|stale_total|requests_reused_total|connections_opened_total|connections_closed_total|waits_ended_total|dials_failed_total)/;

function growth(before: Metrics, after: Metrics): Record<string, number> {
  const grown: Record<string, number> = {};
  for (const [key, value] of after) {
    if (!told.test(key)) continue;
    const by = value - (before.get(key) ?? 0);
    const name = key.replace('sidepool_upstream_', '').replace(/(,?)upstream="origin"/, '');
    const short = name.replace('{}', '').replace('{,', '{').replace(',}', '}');
    // All of these labels stand there at zero from the start.
    if (by !== 0 || !key.includes(',')) grown[short] = by;
  }
  return grown;
}

function resultOf(options: RunOptions, during: During, account: OriginAccount): RunResult {
  const { answers, seconds, processorUs, gateway, log } = during;
  const of = (kind: Answer['outcome']['kind']) =>
    answers.filter(({ outcome }) => outcome.kind === kind);
  const wrong = of('wrong');
  const lost = of('lost');
  const right = of('right');
  const { twice, more } = repeatedOf(answers, account);
  return {
    origin: options.origin.name,
    pipelining: String(options.pipelining),
    seed: options.seed,
    wanted: options.requests,
    sent: answers.length,
    seconds,
    processorUs,
    right: right.length,
    left: of('left').length,
    cut: of('cut').length,
    told: of('told').length,
    toldBy: tally(of('told'), toldText),
    wrong: wrong.length,
    lost: lost.length,
    examples: [...wrong.slice(0, 20), ...lost.slice(0, 20)].map(exampleText),
    framings: tally(right, ({ framing }) => framing),
    twice,
    more,
    unaccounted: right.filter(({ ask }) => !account.seen.has(ask.id)).length,
    gateway,
    deeds: account.deeds,
    log,
  };
}

function toldText({ ask, outcome }: Answer): string {
  return outcome.kind === 'told' ? `${ask.method} ${outcome.status} ${outcome.told}` : '';
}

function exampleText({ ask, outcome }: Answer): string {
  const why = 'why' in outcome ? outcome.why : '';
  return `${outcome.kind}: ${ask.method} ${ask.kind} ${ask.size} ${ask.id}: ${why}`;
}

function repeatedOf(answers: readonly Answer[], { seen }: OriginAccount) {
  const twice: ByMethod = { GET: 0, HEAD: 0, POST: 0 };
  const more: ByMethod = { GET: 0, HEAD: 0, POST: 0 };
  for (const { ask } of answers) {
    const times = seen.get(ask.id) ?? 0;
    if (times === 2) twice[ask.method] += 1;
    if (times > 2) more[ask.method] += 1;
  }
  return { twice, more };
}

function tally(of: readonly Answer[], name: (answer: Answer) => string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const answer of of) counts[name(answer)] = (counts[name(answer)] ?? 0) + 1;
  return counts;
}

/** What must not be, in words. Empty when the proof holds. */
export function pipeliningBreaches(result: RunResult, isHostile: boolean): string[] {
  const { wanted, sent, right, left, cut, told, wrong, lost, twice, more, unaccounted } = result;
  const breaches: string[] = [];
  const demand = (holds: boolean, otherwise: string) => {
    if (!holds) breaches.push(`${result.origin}, ${result.pipelining}: ${otherwise}`);
  };
  demand(sent === wanted, `${sent} of ${wanted} sent in the time`);
  demand(right + left + cut + told + wrong + lost === sent, 'the sums do not agree');
  demand(wrong === 0, `${wrong} wrong responses`);
  demand(lost === 0, `${lost} lost requests`);
  const posts = twice.POST + more.POST;
  demand(posts === 0, `${posts} POSTs seen twice`);
  const internal = Object.keys(result.toldBy).filter((by) => by.includes('proxy_internal_error'));
  demand(internal.length === 0, 'a defect of the gateway, told as such');
  demand(unaccounted === 0, `the origin has no account of ${unaccounted} that it answered`);
  // An origin that answers everything must lose nothing, visibly or not.
  if (!isHostile) demand(told + cut === 0, `${told} told failures, ${cut} cut off`);
  else if (result.origin === 'hostile') {
    demand(cut > 0 && told > 0, 'the hostile origin did no harm: nothing was shown');
  }
  // Every origin here speaks HTTP: what the gateway cannot read, it has taken for something else.
  const unread = Object.entries(result.toldBy).filter(([by]) => by.includes('http_protocol_error'));
  demand(unread.length === 0, `responses that were not understood: ${JSON.stringify(unread)}`);
  const behind = result.deeds['came behind another'] ?? 0;
  if (result.pipelining === 'off') {
    demand(behind === 0, `${behind} requests came behind another, with pipelining off`);
  } else {
    const { requests_pipelined_total: pipelined = 0 } = result.gateway;
    demand(pipelined > 0, 'the gateway counts no pipelined request: nothing was shown');
    if (isHostile) demand(behind > 0, 'none came behind another: nothing was shown');
  }
  return breaches;
}
