/** Holds the documents to the code: whoever changes one is told of the other. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Fault, type FaultKind, fault } from '../../../src/base/fault.ts';
import { readArguments } from '../../../src/cli/arguments.ts';
import { makeCertificate } from '../../../src/cli/demo/certificate.ts';
import { parseConfig } from '../../../src/config/load.ts';
import { formatMistakes } from '../../../src/config/mistake.ts';
import { ownResponse, statusOf } from '../../../src/message/own-response.ts';
import {
  mayRetryStatus,
  type RequestState,
  type RetryRules,
  retryReason,
} from '../../../src/resilience/retry-policy.ts';
import { adminRoutes, type RouteTools } from '../../../src/telemetry/admin/routes.ts';

const repository = join(import.meta.dirname, '..', '..', '..');
const documents = [
  'README.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  ...readdirSync(join(repository, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];

const { authority } = await makeCertificate();

function read(path: string): string {
  return readFileSync(join(repository, path), 'utf8');
}

/** The cells of every table row that the pattern's first cell fits. */
function rows(path: string, firstCell: RegExp): string[][] {
  return read(path)
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    )
    .filter(([first = '']) => firstCell.test(first));
}

function blocks(path: string, language: string): string[] {
  const found = read(path).matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'gms'));
  return [...found].map(([, text = '']) => text);
}

describe('docs/proxy-status.md', () => {
  const told = new Map(
    rows('docs/proxy-status.md', /^`[a-z-]+`$/)
      .filter((cells) => cells.length === 4)
      .map(([kind = '', status, error]) => [kind.slice(1, -1), `${status} ${error}`]),
  );

  /** From the union in the source: a type has no list at run time. */
  const kinds = [
    ...(/type FaultKind =(.*?);/s.exec(read('src/base/fault.ts'))?.[1] ?? '').matchAll(
      /'([a-z-]+)'/g,
    ),
  ].map(([, kind]) => kind as FaultKind);

  it('has the status and the error type of every fault, and no other', () => {
    const answered = kinds.filter((kind) => statusOf(kind) !== 0);
    const right = answered.map((kind) => {
      const { status, fieldLines } = ownResponse(fault(kind, 'gateway', ''), null);
      return [kind, `${status} \`${/error=([a-z_]+)/.exec(fieldLines)?.[1]}\``] as const;
    });
    expect(Object.fromEntries(told)).toEqual(Object.fromEntries(right));
  });

  it('names the faults that nobody is told of', () => {
    const silent = kinds.filter((kind) => statusOf(kind) === 0);
    const last = read('docs/proxy-status.md').split('## Nobody is left')[1];
    for (const kind of silent) expect(last).toContain(`\`${kind}\``);
  });
});

describe('docs/how-retry-decides.md', () => {
  const rules: RetryRules = {
    resends: 1,
    onNewConnection: 'safe',
    statuses: [],
    perTryTimeoutMs: 0,
  };
  const ended = fault('connection-ended', 'upstream', '', { sent: 'sent' });
  const silent = fault('first-byte-timeout', 'upstream', '', { sent: 'sent' });

  interface Case {
    readonly fault: Fault | number;
    readonly wasReused?: boolean;
    readonly rules?: Partial<RetryRules>;
    readonly hasResponded?: boolean;
  }

  /** By the beginning of its row. */
  const cases: Readonly<Record<string, Case>> = {
    'The connection was lost': { fault: fault('write-failed', 'upstream', ''), wasReused: true },
    'A connection used before': { fault: ended, wasReused: true },
    'A new connection': { fault: ended },
    'The same, with `retry.onNewConnection: idempotent`': {
      fault: ended,
      rules: { onNewConnection: 'idempotent' },
    },
    'The same, with `retry.onNewConnection: never`': {
      fault: ended,
      rules: { onNewConnection: 'never' },
    },
    'A response whose status': { fault: 503, rules: { statuses: [503] } },
    'No response within `retry.perTryTimeout`': { fault: silent, rules: { perTryTimeoutMs: 1 } },
    'No response within `timeouts.firstByte`': { fault: silent },
    'With pipelining': { fault: { ...ended, behind: 'ended' } },
    'Interim responses': { fault: { ...ended, received: 'interim' }, wasReused: true },
    'Part of a response': {
      fault: { ...ended, kind: 'partial-response', received: 'part-of-head' },
      wasReused: true,
    },
    'Something of the response': { fault: ended, wasReused: true, hasResponded: true },
  };

  function decide(row: Case, method: string, resends: number): boolean {
    const request: RequestState = {
      method,
      isPromisedIdempotent: false,
      isBodyHeld: true,
      resends,
      hasResponded: row.hasResponded ?? false,
    };
    const all = { ...rules, ...row.rules };
    return typeof row.fault === 'number'
      ? mayRetryStatus(row.fault, request, all)
      : retryReason(row.fault, row.wasReused ?? false, request, all) !== null;
  }

  const table = rows('docs/how-retry-decides.md', /^[A-Z]/);
  const methods = (table[0] ?? [])
    .slice(1)
    .map((cell) => cell.replace(' and others', ', BREW').split(', '));

  it('has a row for every case and a case for every row', () => {
    const found = table.slice(1).map(([first = '']) => {
      return Object.keys(cases).find((beginning) => first.startsWith(beginning)) ?? first;
    });
    expect(found.sort()).toEqual(Object.keys(cases).sort());
  });

  it.each(Object.entries(cases))('%s: as the policy decides', (beginning, row) => {
    const cells = table.find(([first = '']) => first.startsWith(beginning))?.slice(1) ?? [];
    expect(cells).toHaveLength(methods.length);
    for (const [index, cell] of cells.entries()) {
      for (const method of methods[index] ?? []) {
        const first = decide(row, method, 0);
        const second = decide(row, method, 1);
        const word = first ? (second ? 'again' : 'once more') : 'no';
        expect(`${method}: ${cell}`).toBe(`${method}: ${word}`);
      }
    }
  });
});

describe('docs/operation.md', () => {
  it('has every admin path and no other', () => {
    const paths = [...adminRoutes({} as RouteTools)].map(([path, route]) => {
      return `${'reads' in route ? 'GET' : 'POST'} ${path}`;
    });
    const told = rows('docs/operation.md', /^`(GET|POST) /).map(([cell = '']) =>
      cell.replaceAll('`', '').replace(/\?.*/, ''),
    );
    expect(told.sort()).toEqual(paths.sort());
  });

  it('has every event of the log', () => {
    const sources = readdirSync(join(repository, 'src/telemetry')).filter((name) =>
      name.endsWith('.ts'),
    );
    const events = sources.flatMap((name) =>
      [...read(`src/telemetry/${name}`).matchAll(/event: '([a-z-]+)'/g)].map(([, event]) => event),
    );
    expect(events.length).toBeGreaterThan(10);
    const text = read('docs/operation.md');
    for (const event of events) expect(text).toContain(`\`${event}\``);
  });
});

describe.each(documents)('%s', (path) => {
  it('shows configurations that are right', () => {
    for (const text of blocks(path, 'yaml')) {
      const parsed = parseConfig(text, {
        source: path,
        env: {},
        readFile: (file) => (file.endsWith('.pem') ? authority : 'secret'),
      });
      expect(parsed.ok ? '' : formatMistakes(path, parsed.mistakes)).toBe('');
    }
  });

  it('shows calls that are calls', () => {
    const calls = blocks(path, 'sh')
      .flatMap((text) => text.split('\n'))
      .map((line) => /^(?:npx )?(?:sidepool|node cmd\/sidepool\.ts) (.*)$/.exec(line)?.[1])
      .filter((words) => words !== undefined);
    for (const words of calls)
      expect(readArguments(words.replace(/ +#.*/, '').split(' '))).toBeTypeOf('object');
  });

  it('links to what is there', () => {
    const links = [...read(path).matchAll(/\]\(([^)#]+)(?:#[^)]*)?\)/g)].map(([, to = '']) => to);
    const local = links.filter((to) => !/^https?:/.test(to));
    const missing = local.filter((to) => !existsSync(join(repository, dirname(path), to)));
    expect(missing).toEqual([]);
  });

  it('names metrics that there are', () => {
    const catalogue = readdirSync(join(repository, 'src/telemetry'))
      .filter((name) => name.endsWith('catalogue.ts'))
      .map((name) => read(`src/telemetry/${name}`).replace(/\$\{p\}/g, 'sidepool_upstream'))
      .concat(read('src/controller/figures.ts'))
      .join('');
    for (const [name] of read(path).matchAll(/sidepool_[a-z_]+[a-z](?=[`{ ])/g)) {
      expect(catalogue).toContain(name);
    }
  });
});
