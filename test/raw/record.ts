/**
 * Writes what is missing in wire documents: the events, by the codec, and the outcome, by the whole gateway.
 *
 *   node test/raw/record.ts
 *
 * What it writes is what the code does, not what is right: read it against the section before it is committed. A new
 * document is a heading, its `wire` block, and an empty `outcome` block with the sections behind the word.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { unescapeOctets } from '../wire/escapes.ts';
import { play, type Side } from '../wire/play.ts';
import { readSettings, type WireCase } from '../wire/read-wire.ts';
import { describeRequestOutcome, playRequest } from './play-request.ts';
import { describeResponseOutcome, playResponse } from './play-response.ts';
import { type GatewayStage, hasOutcome, startGatewayStage } from './stage.ts';

const stage = await startGatewayStage();
for (const side of ['requests', 'responses'] as const) {
  const folder = new URL(`../wire/${side}/`, import.meta.url);
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.md'))) {
    const url = new URL(file, folder);
    const [intro = '', ...sections] = readFileSync(url, 'utf8').split(/^(?=## )/m);
    const written: string[] = [];
    for (const section of sections) written.push(await complete(side, section, stage));
    const text = intro + written.join('');
    if (text !== readFileSync(url, 'utf8')) writeFileSync(url, text);
  }
}
await stage.stop();

async function complete(side: Side, section: string, on: GatewayStage): Promise<string> {
  const wire = /^```wire(.*)\n([\s\S]*?)^```\n/m.exec(section);
  if (wire === null) throw new Error(`no wire block in ${section.slice(0, 60)}`);
  const settings = readSettings(wire[1] ?? '');
  const bytes = unescapeOctets(wire[2] ?? '');
  const events = /^```events\n([\s\S]*?)^```/m.exec(section)?.[1]?.split('\n').slice(0, -1);
  const document: WireCase = {
    name: section.slice(3, section.indexOf('\n')),
    document: '',
    bytes,
    settings,
    expected: events ?? play(side, { bytes, cuts: [], settings }),
    outcome: null,
  };
  const stated = /^```outcome(.*)\n([\s\S]*?)^```/m.exec(section);
  if (!hasOutcome(document) || (stated !== null && stated[2] !== '')) return section;
  const lines =
    side === 'requests'
      ? describeRequestOutcome(await playRequest(document, on, null), on.origin.port)
      : describeResponseOutcome(document, await playResponse(document, on));
  const sections = stated?.[1]?.trim() || sectionsOf(side, document);
  const kept = section.replace(/^```(?:events|outcome)[\s\S]*?^```\n\n?/gm, '').trimEnd();
  return `${kept}\n\n${block('events', document.expected)}\n${block(`outcome ${sections}`, lines)}\n`;
}

function block(name: string, lines: readonly string[]): string {
  return `\`\`\`${name}\n${lines.map((line) => `${line}\n`).join('')}\`\`\`\n`;
}

/** From the requirements in the heading, else from the refusal. */
function sectionsOf(side: Side, { name, bytes, settings }: WireCase): string {
  const told = `${play(side, { bytes, cuts: [], settings }).at(-1)}`;
  const found = [
    ...name.matchAll(/\[(\d{4})-(\d+(?:\.\d+)*)-R?\d+\]/g),
    ...told.matchAll(/RFC (\d{4}) (\d+(?:\.\d+)*)/g),
  ];
  const sections = found.map(([, rfc = '', section = '']) => `${rfc} ${section}`);
  return sections.length === 0 ? '?' : [...new Set(sections)].join(', ');
}
