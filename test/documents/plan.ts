/** What becomes of each command and each program that the documents show: run, or not run for a reason. */
import { spawnSync } from 'node:child_process';
import { findProgram } from '../support/program.ts';
import { type Block, blocksOf, commandsOf, documents, type Shown } from './blocks.ts';

export type Plan =
  /** Runs to its end, with 0. */
  | { readonly kind: 'ends' }
  /** Runs until it is told to end: a gateway, or `top`. */
  | { readonly kind: 'stays'; readonly readyWhen: RegExp }
  | { readonly kind: 'not-run'; readonly reason: string }
  /** Somebody has to decide. */
  | { readonly kind: 'unknown' };

export interface PlannedCommand extends Shown {
  readonly kind: 'command';
  readonly plan: Plan;
}

export interface PlannedProgram extends Shown {
  readonly kind: 'program';
  readonly language: Language;
  readonly plan: Plan;
}

export type Language = 'php' | 'python' | 'ruby' | 'java' | 'go' | 'js';

const languages: Readonly<Record<Language, string>> = {
  php: 'php',
  python: 'python3',
  ruby: 'ruby',
  java: 'java',
  go: 'go',
  js: 'node',
};

const notRun: readonly (readonly [RegExp, string])[] = [
  [/\b(kubectl|helm)\b/, 'needs a cluster'],
  [/^npm (ci|start|test|run )/, 'installs, builds or tests the whole project'],
  [/\bnpx (vitest|node) /, 'installs, builds or tests the whole project'],
  [/^node \/sidepool\//, 'a path inside of the image'],
  [/^node (test|src|deploy|dist)\//, 'installs, builds or tests the whole project'],
  [/^(docker|podman|promtool|prometheus) /, 'needs a program of its own'],
];

/** What may be run on any machine: it asks the gateway, or looks. */
const runnable = [
  'curl',
  'wget',
  'php',
  'python3',
  'ruby',
  'node',
  'getent',
  'ss',
  'cat',
  'openssl',
];

const lacks = new Map<string, boolean>();

/** Looks once whether a program has what a piece of text needs. */
function has(command: string, ...args: string[]): boolean {
  const key = [command, ...args].join(' ');
  const known = lacks.get(key);
  if (known !== undefined) return known;
  const found = spawnSync(command, args, { timeout: 60_000 }).status === 0;
  lacks.set(key, found);
  return found;
}

const libraries: readonly (readonly [RegExp, string, () => boolean])[] = [
  [
    /curl_init/,
    "PHP's curl extension",
    () => has('php', '-r', 'exit(extension_loaded("curl") ? 0 : 1);'),
  ],
  [
    /GuzzleHttp/,
    'Guzzle',
    () =>
      has(
        'php',
        '-r',
        'exit((@include "vendor/autoload.php") && class_exists("GuzzleHttp\\\\Client") ? 0 : 1);',
      ),
  ],
  [/^import httpx/m, 'httpx', () => has('python3', '-c', 'import httpx')],
  [/^import requests/m, 'requests', () => has('python3', '-c', 'import requests')],
  [/require ["']faraday/, 'Faraday', () => has('ruby', '-rfaraday', '-e', '0')],
];

function missing(text: string, program: string): string | undefined {
  if (findProgram(program) === undefined) return `${program} is not installed`;
  const lacking = libraries.find(([needs, , isThere]) => needs.test(text) && !isThere());
  return lacking && `${lacking[1]} is not installed`;
}

function planCommand(text: string): Plan {
  const why = notRun.find(([pattern]) => pattern.test(text))?.[1];
  if (why !== undefined) return { kind: 'not-run', reason: why };
  const sidepool = /^(?:npx )?sidepool (\w+)/.exec(text)?.[1];
  if (sidepool === 'gateway') return { kind: 'stays', readyWhen: /"event":"ready"/ };
  if (sidepool === 'top' && !text.includes('--once')) return { kind: 'stays', readyWhen: /REQ\/S/ };
  if (sidepool !== undefined) return { kind: 'ends' };
  const [first = ''] = text.split(' ');
  if (!runnable.includes(first)) return { kind: 'unknown' };
  const lacking = missing(text, first);
  return lacking === undefined ? { kind: 'ends' } : { kind: 'not-run', reason: lacking };
}

function planProgram(language: Language, text: string): Plan {
  const lacking = missing(text, languages[language]);
  return lacking === undefined ? { kind: 'ends' } : { kind: 'not-run', reason: lacking };
}

function isLanguage(language: string): language is Language {
  return language in languages;
}

export function plannedOf(path: string): (PlannedCommand | PlannedProgram)[] {
  return blocksOf(path).flatMap((block: Block): (PlannedCommand | PlannedProgram)[] => {
    if (block.language === 'sh') {
      return commandsOf(block).map((shown) => ({
        ...shown,
        kind: 'command',
        plan: planCommand(shown.text),
      }));
    }
    const { language } = block;
    if (!isLanguage(language)) return [];
    return [{ ...block, kind: 'program', language, plan: planProgram(language, block.text) }];
  });
}

export function allPlanned(): (PlannedCommand | PlannedProgram)[] {
  return documents.flatMap(plannedOf);
}
