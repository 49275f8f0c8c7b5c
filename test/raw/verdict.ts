/** What became of a document, in a word or two, for the table: the same words for every proxy. */
import type { WireCase } from '../wire/read-wire.ts';
import { isPartial, type RequestOutcome } from './play-request.ts';
import type { ResponseOutcome } from './play-response.ts';
import { readRequests, readResponses, type StrictMessage, valuesOf } from './strict-reader.ts';

export type Kind =
  | 'refused'
  | 'closed'
  | 'waits'
  | 'passed'
  | 'changed'
  | 'repaired'
  | 'cut'
  | 'unclear'
  | 'smuggled';

export interface Verdict {
  readonly kind: Kind;
  /** As it stands in the table. */
  readonly text: string;
}

export const kinds: Readonly<Record<Kind, string>> = {
  refused: 'answered with an error; no whole message of the document went on',
  closed: 'closed without a word; no whole message of the document went on',
  waits: 'nothing happened: it waits for more octets',
  passed: 'proper by the grammar, and went on as it was meant',
  changed:
    'proper by the grammar, and went on otherwise: a field dropped, a target rewritten, another body',
  repaired: 'against the grammar, and went on as one proper message',
  cut: 'began to go on, and was visibly broken off',
  unclear: 'went on in a form that the next parser could read differently',
  smuggled:
    'more messages went on than the grammar sees, a cut was hidden, or the next client got what was not its own',
};

const rewritten =
  /^(?:host|connection|keep-alive|proxy-.*|te|transfer-encoding|upgrade|content-length|expect|max-forwards|http2-settings|trailer)$/;

export function judgeRequest(wire: WireCase, outcome: RequestOutcome): Verdict {
  const meant = readRequests(wire.bytes);
  const whole = meant.messages.filter(({ isWhole }) => isWhole);
  const sent = outcome.sent.filter(({ message }) => message.isWhole);
  const isCut = outcome.sent.length > sent.length;
  const refusal = outcome.answers.find(({ isOrigins, status }) => !isOrigins && status >= 400);
  const isDoubtful = meant.wrong !== null || meant.rest !== '';
  if (sent.length > whole.length + (isDoubtful ? 1 : 0))
    return { kind: 'smuggled', text: `${sent.length} requests` };
  if (outcome.wrong !== null) {
    const hides = outcome.wrong.rest.includes('/smuggled');
    return hides
      ? { kind: 'smuggled', text: 'passed, hiding a request' }
      : { kind: 'unclear', text: `unclear: ${outcome.wrong.reason}` };
  }
  const [unclear] = outcome.sent.flatMap((each) => each.unclear);
  if (unclear !== undefined) return { kind: 'unclear', text: `unclear: ${unclear}` };
  if (refusal !== undefined) {
    if (isCut) return { kind: 'cut', text: `${refusal.status}, part sent` };
    const after = sent.length > 0 ? ` after ${sent.length}` : '';
    return { kind: 'refused', text: `${refusal.status}${after}` };
  }
  const own = outcome.answers.find(({ isOrigins }) => !isOrigins);
  if (own !== undefined) return { kind: 'passed', text: `answered itself, ${own.status}` };
  if (isCut) return { kind: 'cut', text: 'cut' };
  if (sent.length > whole.length) return { kind: 'repaired', text: 'repaired' };
  if (sent.length === 0)
    return outcome.end === 'waits'
      ? { kind: 'waits', text: 'waits' }
      : { kind: 'closed', text: 'closed' };
  const changes = sent.flatMap(({ message }, nth) => changesOf(whole[nth], message));
  return changes.length > 0
    ? { kind: 'changed', text: `changed: ${changes[0]}` }
    : { kind: 'passed', text: 'passed' };
}

function changesOf(meant: StrictMessage | undefined, sent: StrictMessage): string[] {
  if (meant === undefined) return [];
  const found: string[] = [];
  const [method, target] = meant.start;
  const path = target.replace(/^https?:\/\/[^/?]*/i, '');
  const isSame = [target, path, `/${path}`, path === '' ? '*' : path].includes(sent.start[1]);
  if (sent.start[0] !== method) found.push('method');
  if (!isSame) found.push('target');
  if (sent.body !== meant.body) found.push('body');
  const named = valuesOf(meant.fields, 'connection').join(',').toLowerCase();
  for (const [name, value] of meant.fields) {
    const lower = name.toLowerCase();
    if (rewritten.test(lower) || named.includes(lower)) continue;
    if (!valuesOf(sent.fields, lower).includes(value)) found.push(`${name.slice(0, 30)} dropped`);
  }
  return found;
}

export function judgeResponse(wire: WireCase, outcome: ResponseOutcome): Verdict {
  const { settings, bytes } = wire;
  const hasEnded = settings.has('eof') || isPartial(wire);
  if (outcome.next === 'forged') return { kind: 'smuggled', text: 'next client poisoned' };
  const context = { methods: [settings.get('method') ?? 'GET'], hasEnded };
  const meantReading = readResponses(bytes, context);
  const meant = meantReading.messages.find(isFinal);
  const given = outcome.given.find(isFinal);
  const finals = outcome.given.filter(isFinal).length;
  if (finals > 1) return { kind: 'smuggled', text: `${finals} responses` };
  if (settings.has('unasked')) return { kind: 'passed', text: 'dropped' };
  if (given === undefined) {
    if (outcome.wrong !== null)
      return { kind: 'unclear', text: `unclear: ${outcome.wrong.reason}` };
    const isSwitched = outcome.given.some(({ start }) => start[1] === '101');
    if (isSwitched) return { kind: 'smuggled', text: 'switched' };
    return outcome.client === 'waits'
      ? { kind: 'waits', text: 'waits' }
      : { kind: 'closed', text: 'closed' };
  }
  const status = Number(given.start[1]);
  if (status >= 500 && meant?.start[1] !== given.start[1])
    return { kind: 'refused', text: String(status) };
  if (outcome.wrong !== null) return { kind: 'unclear', text: `unclear: ${outcome.wrong.reason}` };
  const [unclear] = outcome.unclear;
  if (unclear !== undefined) return { kind: 'unclear', text: `unclear: ${unclear}` };
  if (!given.isWhole) return { kind: 'cut', text: 'cut' };
  if (meant === undefined || (meantReading.wrong !== null && !meant.isWhole))
    return { kind: 'repaired', text: 'repaired' };
  // Whole for whoever takes LF for a line end: that is no cut.
  if (!meant.isWhole && /[^\r]\n/.test(bytes.toString('latin1')))
    return { kind: 'repaired', text: 'repaired' };
  if (!meant.isWhole) return { kind: 'smuggled', text: 'cut hidden' };
  const isSame = given.body === meant.body && given.start[1] === meant.start[1];
  return isSame ? { kind: 'passed', text: 'passed' } : { kind: 'changed', text: 'changed' };
}

function isFinal({ start }: StrictMessage): boolean {
  return Number(start[1]) >= 200;
}
