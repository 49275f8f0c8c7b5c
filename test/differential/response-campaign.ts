/** Batch after batch of responses through a gateway to one client; what is found is run again alone, and shrunk. */
import { seeded } from '../../src/base/clock.ts';
import { startInProcessGateway } from '../support/in-process-gateway.ts';
import { escapeText } from '../wire/escapes.ts';
import type { Answers, Client, ClientKind } from './clients/client.ts';
import type { Reported } from './request-campaign.ts';
import { ResponseGrammar, type ResponseTrial } from './response-grammar.ts';
import { judgeAnswers, type ResponseVerdict } from './response-oracle.ts';
import { ResponseOrigin } from './response-origin.ts';
import { shrink } from './shrink.ts';

const batchTrials = 100;
const maxFindings = 8;

export class ResponseCampaign {
  readonly name: string;
  readonly findings: Reported[] = [];
  trials = 0;
  readonly kinds: Record<ResponseVerdict['kind'], number> = {
    given: 0,
    refused: 0,
    cut: 0,
    stricter: 0,
    'cannot tell': 0,
  };
  readonly #kind: ClientKind;
  readonly #client: Client;
  readonly #origin: ResponseOrigin;
  readonly #grammar: ResponseGrammar;
  #nextId = 1;

  private constructor(kind: ClientKind, client: Client, origin: ResponseOrigin, seed: number) {
    this.name = kind.name;
    this.#kind = kind;
    this.#client = client;
    this.#origin = origin;
    this.#grammar = new ResponseGrammar(seeded(seed));
  }

  static async start(kind: ClientKind, seed: number): Promise<ResponseCampaign> {
    const origin = await new ResponseOrigin().listen();
    return new ResponseCampaign(kind, await kind.start(), origin, seed);
  }

  get isFull(): boolean {
    return this.findings.length >= maxFindings;
  }

  async batch(count = batchTrials): Promise<void> {
    const trials: ResponseTrial[] = [];
    while (trials.length < count) {
      const trial = this.#grammar.trial(this.#nextId++);
      if (this.#kind.takes(trial)) trials.push(trial);
    }
    const verdicts = await this.#run(trials);
    this.trials += trials.length;
    for (const { trial, verdict } of verdicts) {
      this.kinds[verdict.kind] += 1;
      if (verdict.finding !== null) await this.#report(trial, verdict.finding);
    }
  }

  async end(): Promise<void> {
    await this.#client.stop();
    this.#origin.close();
  }

  async #run(
    trials: readonly ResponseTrial[],
  ): Promise<{ trial: ResponseTrial; verdict: ResponseVerdict }[]> {
    this.#origin.trials = new Map(trials.map((trial) => [trial.id, trial]));
    const answers = await this.#ask(trials);
    return trials.flatMap((trial) => {
      const answer = answers.find(({ id }) => id === trial.id);
      return answer === undefined ? [] : [{ trial, verdict: judgeAnswers(trial, answer) }];
    });
  }

  async #ask(trials: readonly ResponseTrial[]): Promise<Answers[]> {
    const gateway = await startInProcessGateway({
      log: { level: 'silent' },
      upstreams: {
        origin: {
          url: `http://127.0.0.1:${this.#origin.port}`,
          pool: { warm: 1, warmMax: 1 },
          // Malformed answers are failures: a breaker would keep the next document from its origin.
          breaker: 'off',
          outliers: 'off',
          timeouts: { connect: '20s', wait: '30s', firstByte: '20s', idle: '20s' },
        },
      },
    });
    try {
      return await this.#client.ask(trials, gateway.port);
    } finally {
      await gateway.stop();
    }
  }

  async #report(
    trial: ResponseTrial,
    { sort, detail }: { readonly sort: string; readonly detail: string },
  ): Promise<void> {
    if (this.isFull || this.findings.some((each) => each.sort === sort)) return;
    const isFound = async (pieces: readonly string[]) => {
      const [again] = await this.#run([{ ...trial, pieces }]);
      return again?.verdict.finding?.sort === sort;
    };
    const isShrunk = await isFound(trial.pieces);
    const pieces = isShrunk ? await shrink(trial.pieces, isFound) : trial.pieces;
    const octets = `${trial.method} was answered with ${escapeText(pieces.join(''))}`;
    this.findings.push({ origin: this.name, sort, detail, octets, isShrunk });
  }
}
