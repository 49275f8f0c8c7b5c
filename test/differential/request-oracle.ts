/**
 * What must hold of a batch of requests. Three readers look at the same octets: the strict one at what the client sent and
 * at what the tap saw, and the origin at what it was sent. Whatever any of them reads as more than the others is a finding.
 */
import { unclearRequest } from '../raw/clarity.ts';
import {
  readRequests,
  readResponses,
  type StrictMessage,
  type StrictReading,
  valuesOf,
} from '../raw/strict-reader.ts';
import { bytesOf, type Trial } from './request-grammar.ts';
import type { Batch } from './request-stage.ts';
import type { Tapped } from './tap.ts';

export interface Finding {
  /** The same for all findings of one sort. */
  readonly sort: string;
  readonly detail: string;
  /** Where it is known; else any of the batch. */
  readonly trialId: number | null;
}

export interface BatchFigures {
  /** Messages on the tap. */
  sent: number;
  /** Lines in the origin's account. */
  read: number;
  /** Trials with an answer of the gateway's own. */
  refused: number;
  /** Whole messages that the strict reader sees in what the clients sent. */
  proper: number;
  readonly statuses: Map<number, number>;
}

/** What tap and origin have seen over all batches, by method and target: the account may come late. */
export class RequestOracle {
  readonly #balance = new Map<string, number>();

  judge(batch: Batch, lines: readonly string[]): { findings: Finding[]; figures: BatchFigures } {
    const findings: Finding[] = [];
    const figures: BatchFigures = { sent: 0, read: 0, refused: 0, proper: 0, statuses: new Map() };
    const byTrial = new Map<number, StrictMessage[]>();
    for (const connection of batch.tapped) {
      const reading = readRequests(connection.sent);
      findings.push(...judgeConnection(connection, reading));
      for (const message of reading.messages) {
        figures.sent += 1;
        this.#add(keyOf(message.start[0], message.start[1]), 1);
        const id = trialOf(message);
        if (id !== null) byTrial.set(id, [...(byTrial.get(id) ?? []), message]);
      }
    }
    for (const trial of batch.trials) {
      const told = batch.told.get(trial.id);
      const meant = readRequests(bytesOf(trial));
      figures.proper += meant.messages.filter(({ isWhole }) => isWhole).length;
      for (const status of told?.statuses ?? [])
        figures.statuses.set(status, (figures.statuses.get(status) ?? 0) + 1);
      if (told?.statuses.some((status) => status >= 400)) figures.refused += 1;
      if (told?.isHung) findings.push(found(trial.id, 'hung', 'the connection did not end'));
      if (told?.statuses.includes(504))
        findings.push(found(trial.id, 'waits', 'the origin waits for more than was sent'));
      findings.push(...judgeTrial(trial, meant, byTrial.get(trial.id) ?? []));
    }
    for (const line of lines) findings.push(...this.#account(line, figures));
    return { findings, figures };
  }

  #account(line: string, figures: BatchFigures): Finding[] {
    if (line === '') return [];
    figures.read += 1;
    const [method = '', target = ''] = line.replaceAll('\\"', '"').split(' ');
    const key = keyOf(method, target);
    this.#add(key, -1);
    if ((this.#balance.get(key) ?? 0) >= 0) return [];
    const id = /\/(?:t|smuggled-)(\d+)/.exec(target)?.[1];
    const sort = target.includes('smuggled') ? 'smuggled' : 'read more than was sent';
    return [found(id === undefined ? null : Number(id), sort, `the origin read ${line}`)];
  }

  #add(key: string, by: number): void {
    const sum = (this.#balance.get(key) ?? 0) + by;
    if (sum === 0) this.#balance.delete(key);
    else this.#balance.set(key, sum);
  }
}

function keyOf(method: string, target: string): string {
  return `${method} ${target}`;
}

function found(trialId: number | null, sort: string, detail: string): Finding {
  return { trialId, sort, detail };
}

/** By its path and its field: where chance has changed a digit of one, it is nobody's. */
function trialOf({ start, fields }: StrictMessage): number | null {
  const names = [/\/t(\d+)-/.exec(start[1]), /^(\d+)-/.exec(valuesOf(fields, 'x-id')[0] ?? '')];
  const [first, second = first] = names.flatMap((found) => (found === null ? [] : [found[1]]));
  return first === undefined || first !== second ? null : Number(first);
}

/** What the gateway sent has one reading, and gets no more answers than it has requests. */
function judgeConnection(connection: Tapped, reading: StrictReading): Finding[] {
  const { messages, wrong, rest } = reading;
  const findings: Finding[] = [];
  const last = messages.at(-1);
  const id = last === undefined ? null : trialOf(last);
  if (wrong !== null) findings.push(found(id, 'malformed on the tap', `${wrong}: ${shown(rest)}`));
  else if (rest !== '') findings.push(found(id, 'half a head on the tap', shown(rest)));
  for (const message of messages)
    for (const reason of unclearRequest(message))
      findings.push(found(trialOf(message), `unclear on the tap: ${reason}`, shown(message.head)));
  const answers = readResponses(connection.answered, {
    methods: messages.map(({ start }) => start[0]),
    hasEnded: true,
  });
  const finals = answers.messages.filter(({ start }) => Number(start[1]) >= 200).length;
  // HAProxy answers 400 to whoever closes a connection without having asked anything.
  if (finals > messages.length && connection.sent.length > 0)
    findings.push(
      found(
        id,
        'more answers than requests',
        `${finals} to ${messages.length}: ${shown(connection.answered.toString('latin1'))}`,
      ),
    );
  return findings;
}

/** What went on of a trial is what the strict reader sees in it, in its order, and nothing else. */
function judgeTrial(trial: Trial, meant: StrictReading, sent: readonly StrictMessage[]): Finding[] {
  const findings: Finding[] = [];
  const left = [...meant.messages];
  for (const message of sent) {
    const nth = left.findIndex((each) => isSame(each, message));
    if (nth !== -1) {
      left.splice(nth, 1);
      continue;
    }
    // Sent again, by design, when its connection had ended: as often as need be, for these methods.
    const isAgain = meant.messages.some((each) => isSame(each, message));
    if (isAgain && /^(?:GET|HEAD|OPTIONS|TRACE|QUERY|PUT|DELETE)$/.test(message.start[0])) continue;
    findings.push(
      found(
        trial.id,
        'not what the client sent',
        `${shown(message.head)} with a body of ${message.body.length}`,
      ),
    );
  }
  return findings;
}

function isSame(meant: StrictMessage, sent: StrictMessage): boolean {
  const [method, target] = meant.start;
  const path = target.replace(/^https?:\/\/[^/?]*/i, '');
  const targets = [path, `/${path}`, path === '' ? '*' : path];
  if (sent.start[0] !== method || !targets.includes(sent.start[1])) return false;
  return sent.isWhole
    ? meant.isWhole && sent.body === meant.body
    : meant.body.startsWith(sent.body);
}

function shown(text: string): string {
  return JSON.stringify(text.slice(0, 300));
}
