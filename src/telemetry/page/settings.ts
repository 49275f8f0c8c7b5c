/** The configuration in force, with what differs from the default marked. Sent to the browser too: see `parts.ts`. */
import type { RedactedConfig } from '../../config/redact.ts';
import type { Words } from './words.ts';

interface Row {
  readonly path: string;
  readonly value: string;
}

export function settings({ esc, plural }: Words) {
  /** It changes with a reload only, and is drawn each second. */
  let last: { config: RedactedConfig | null; mostRows: number; html: string } = {
    config: null,
    mostRows: 0,
    html: '',
  };

  /** As the gateway writes paths. */
  const join = (path: string, key: string) => {
    if (!/^[A-Za-z0-9_-]+$/.test(key)) return `${path}[${JSON.stringify(key)}]`;
    return path === '' ? key : `${path}.${key}`;
  };

  const flatten = (value: unknown, path: string, into: Row[]) => {
    if (Array.isArray(value) && value.every((one) => typeof one !== 'object')) {
      into.push({ path, value: value.length === 0 ? '(none)' : value.join(', ') });
    } else if (Array.isArray(value)) {
      for (const [at, one] of value.entries()) flatten(one, `${path}[${at}]`, into);
    } else if (typeof value === 'object' && value !== null) {
      const entries = Object.entries(value);
      if (entries.length === 0) into.push({ path, value: '(none)' });
      for (const [key, one] of entries) flatten(one, join(path, key), into);
    } else into.push({ path, value: String(value) });
  };

  /** A group for each listener, each upstream, and each part of the file besides. */
  const groupsOf = (effective: unknown) => {
    const groups: { name: string; rows: Row[] }[] = [];
    const add = (name: string, value: unknown) => {
      const rows: Row[] = [];
      flatten(value, name, rows);
      groups.push({ name, rows });
    };
    for (const [part, value] of Object.entries((effective ?? {}) as Record<string, unknown>)) {
      if (part === 'upstreams' && typeof value === 'object' && value !== null)
        for (const [name, one] of Object.entries(value)) add(join(part, name), one);
      else add(part, value);
    }
    return groups;
  };

  /** What a group is about, where no default could say it: an upstream's URL, where a listener's requests go. */
  const subject = (name: string, rows: readonly Row[]) => {
    if (name !== 'listeners') {
      const url = rows.find(({ path }) => path === `${name}.url`);
      return url === undefined ? '' : `<code>${esc(url.value)}</code> `;
    }
    const goes = rows
      .filter(({ path }) => path.endsWith('.address'))
      .map(({ path, value }) => {
        const to = rows.find((row) => row.path === path.replace(/address$/, 'upstream'));
        return `<code>${esc(value)} → ${esc(to?.value ?? '')}</code>`;
      });
    return `${goes.slice(0, 8).join(' ')} `;
  };

  const group = (name: string, config: RedactedConfig, rows: readonly Row[], isWhole: boolean) => {
    const usual = config.defaults;
    const isChanged = ({ path }: Row) =>
      config.changed.some(
        (one) => path === one || path.startsWith(`${one}.`) || path.startsWith(`${one}[`),
      );
    const changed = rows.filter(isChanged);
    const short = (path: string) => esc(path.slice(name.length).replace(/^\./, '') || path);
    const said = changed
      .slice(0, 8)
      .map((row) => `<code>${short(row.path)} <b>${esc(row.value)}</b></code>`)
      .join(' ');
    const more = changed.length > 8 ? ` and ${changed.length - 8} more` : '';
    const rest = isWhole ? '' : '<p class="none">The others: see <a href="config">config</a>.</p>';
    const lines = (isWhole ? rows : changed)
      .map((row) => {
        const was = usual[row.path];
        const note = isChanged(row)
          ? `<em class="pill differs">differs</em>${was === undefined || was === '' ? '' : ` default ${esc(was)}`}`
          : '';
        return `<tr><th scope="row">${short(row.path)}</th><td>${esc(row.value)}</td><td>${note}</td></tr>`;
      })
      .join('');
    const head = `<b>${esc(name)}</b> ${subject(name, rows)}${changed.length === 0 ? '<span class="none">as by default</span>' : `<span>${plural(changed.length, 'option')} differ${changed.length === 1 ? 's' : ''}:</span> ${said}${more}`}`;
    if (!isWhole && changed.length === 0) return `<p>${head}</p>`;
    return `<details><summary>${head}</summary>
<div class="scroll" role="region" aria-label="Options of ${esc(name)}" tabindex="0"><table><caption class="unseen">Options of ${esc(name)}</caption><thead><tr><th scope="col">Option</th><th scope="col">Value</th><th scope="col">Default</th></tr></thead><tbody>${lines}</tbody></table></div>${rest}</details>`;
  };

  /** At most so many rows in all: past them, those alone that differ. */
  const tables = (config: RedactedConfig, mostRows: number) => {
    if (config !== last.config || mostRows !== last.mostRows)
      last = { config, mostRows, html: drawn(config, mostRows) };
    return last.html;
  };

  const drawn = (config: RedactedConfig, mostRows: number) => {
    if (mostRows < 0) return '<p class="none">See <a href="config">config</a>.</p>';
    let left = mostRows;
    return groupsOf(config.effective)
      .map(({ name, rows }) => {
        left -= rows.length;
        return group(name, config, rows, left >= 0);
      })
      .join('');
  };

  /** Where a client can connect, for somebody who has not yet. */
  const addressesOf = (config: RedactedConfig | null) => {
    const { listeners } = (config?.effective ?? {}) as { listeners?: { address?: unknown }[] };
    return (listeners ?? []).map(({ address }) => String(address ?? ''));
  };

  return { tables, addressesOf };
}

export type Settings = ReturnType<typeof settings>;
