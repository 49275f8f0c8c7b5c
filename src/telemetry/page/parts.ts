/**
 * One drawing for both sides. The server draws the first sight, and all there is where scripts are off; the browser gets
 * the same functions as text and draws again from the JSON of `/pools`, `/history`, `/faults` and `/config`.
 *
 * So each part is a function that stands alone: it uses what it is given and what it has inside, and no import but types.
 */
import { type Draw, drawing } from './draw.ts';
import { failures } from './failures.ts';
import { plots } from './plots.ts';
import { pools } from './pools.ts';
import { settings } from './settings.ts';
import { verdicts } from './verdict.ts';
import { words } from './words.ts';

function assembled(): Draw {
  const said = words();
  const parts = { ...said, ...plots(said), ...pools(said), ...failures(said), ...settings(said) };
  return drawing({ ...parts, ...verdicts(parts) });
}

export const draw: Draw = assembled();

/** An expression that gives the same function elsewhere, without comments, indentation and the blanks where types stood. */
export function drawSource(): string {
  const inOrder = [words, plots, pools, failures, settings, verdicts].map(
    (part) => `Object.assign(parts, (${part})(parts));`,
  );
  const source = `(() => { const parts = {}; ${inOrder.join('')} return (${drawing})(parts); })()`;
  return source
    .replace(/\/\*\*[\s\S]*?\*\//g, '')
    .replace(/\s*\n\s*/g, '\n')
    .replace(/ {2,}/g, ' ');
}
