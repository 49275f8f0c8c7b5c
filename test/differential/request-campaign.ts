/** Batch after batch of requests to one origin; what is found is run again alone, and shrunk. */
import { seeded } from '../../src/base/clock.ts';
import { waitFor } from '../support/wait-for.ts';
import { escapeText } from '../wire/escapes.ts';
import type { OriginKind } from './origins/origin.ts';
import { bytesOf, RequestGrammar, type Trial } from './request-grammar.ts';
import { type BatchFigures, type Finding, RequestOracle } from './request-oracle.ts';
import { RequestStage } from './request-stage.ts';
import { shrink } from './shrink.ts';

const batchTrials = 200;
const maxFindings = 8;

export interface Reported {
  readonly origin: string;
  readonly sort: string;
  readonly detail: string;
  /** Escaped as in wire documents; the smallest that shows it, or all of it when it did not show again alone. */
  readonly octets: string;
  readonly isShrunk: boolean;
}

export class RequestCampaign {
  readonly name: string;
  readonly findings: Reported[] = [];
  trials = 0;
  /** Requests that were asked, whole or not, proper or not. */
  messages = 0;
  readonly figures: BatchFigures = { sent: 0, read: 0, refused: 0, proper: 0, statuses: new Map() };
  readonly #stage: RequestStage;
  readonly #grammar: RequestGrammar;
  readonly #oracle = new RequestOracle();
  #nextId: number;

  private constructor(name: string, stage: RequestStage, seed: number) {
    this.name = name;
    this.#stage = stage;
    this.#grammar = new RequestGrammar(seeded(seed));
    this.#nextId = 1;
  }

  static async start(kind: OriginKind, seed: number): Promise<RequestCampaign> {
    return new RequestCampaign(kind.name, await RequestStage.start(await kind.start()), seed);
  }

  get isFull(): boolean {
    return this.findings.length >= maxFindings;
  }

  async batch(count = batchTrials): Promise<void> {
    const trials: Trial[] = [];
    for (let nth = 0; nth < count; nth += 1) trials.push(this.#grammar.trial(this.#nextId++));
    const found = await this.#run(trials, 'counts');
    this.trials += trials.length;
    for (const trial of trials) this.messages += trial.messages;
    for (const finding of found) await this.#report(finding, trials);
  }

  /** What the origins' accounts still held back. */
  async end(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, 300));
    const last = { trials: [], told: new Map(), tapped: [] };
    const { findings } = this.#oracle.judge(last, this.#stage.origin.log.take());
    for (const finding of findings) await this.#report(finding, []);
    await this.#stage.close();
  }

  async #run(trials: readonly Trial[], how: 'counts' | 'alone'): Promise<Finding[]> {
    const batch = await this.#stage.run(trials);
    let lines = this.#stage.origin.log.take();
    if (how === 'alone') {
      // Time for an account that comes late; a finding that needs longer is reported as it was met.
      await waitFor(
        () => {
          lines = [...lines, ...this.#stage.origin.log.take()];
          return lines.length > 1;
        },
        { timeoutMs: 150, everyMs: 10 },
      ).catch(() => {});
    }
    const { findings, figures } = this.#oracle.judge(batch, lines);
    if (how === 'counts') add(this.figures, figures);
    return findings;
  }

  async #report(finding: Finding, trials: readonly Trial[]): Promise<void> {
    const { sort, detail } = finding;
    if (this.isFull || this.findings.some((each) => each.sort === sort)) return;
    const trial = trials.find(({ id }) => id === finding.trialId);
    const isFound = async (pieces: readonly string[]) => {
      const again = await this.#run([{ id: trial?.id ?? 0, pieces, messages: 0 }], 'alone');
      return again.some((each) => each.sort === sort);
    };
    const isShrunk = trial !== undefined && (await isFound(trial.pieces));
    const pieces = isShrunk ? await shrink(trial.pieces, isFound) : (trial?.pieces ?? []);
    const octets = escapeText(bytesOf({ pieces }).toString('latin1'));
    this.findings.push({ origin: this.name, sort, detail, octets, isShrunk });
  }
}

function add(to: BatchFigures, { sent, read, refused, proper, statuses }: BatchFigures): void {
  to.sent += sent;
  to.read += read;
  to.refused += refused;
  to.proper += proper;
  for (const [status, count] of statuses)
    to.statuses.set(status, (to.statuses.get(status) ?? 0) + count);
}
