/** How the status page says numbers, times and what came from outside. Sent to the browser too: see `parts.ts`. */
export function words() {
  /** Whatever is shown goes through here. */
  const esc = (text: string | number) =>
    String(text).replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
  const grouped = (value: number) => String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, ' ');
  const plural = (count: number, noun: string) =>
    `${grouped(count)} ${noun}${count === 1 ? '' : 's'}`;
  const duration = (ms: number) => {
    if (ms > 0 && ms < 10) return `${ms.toFixed(1)} ms`;
    if (ms < 1000) return `${Math.round(ms)} ms`;
    const s = ms / 1000;
    if (s < 10) return `${s.toFixed(1)} s`;
    if (s < 120) return `${Math.round(s)} s`;
    if (s < 7200) return `${Math.round(s / 60)} min`;
    return s < 172_800 ? `${Math.round(s / 3600)} h` : `${Math.round(s / 86_400)} d`;
  };
  const rate = (value: number | null) => {
    if (value === null) return '–';
    return value >= 100 || value === 0 ? grouped(value) : value.toFixed(value < 10 ? 2 : 1);
  };
  const percent = (part: number, whole: number) =>
    whole === 0 ? '–' : `${Math.floor((1000 * part) / whole) / 10} %`;
  /** `time` and `now` are ISO 8601, by the gateway's clock both. */
  const ago = (time: string, now: string) => {
    const ms = Math.max(0, Date.parse(now) - Date.parse(time));
    const said = ms < 1000 ? 'just now' : `${duration(ms - (ms % 1000)).replace('.0', '')} ago`;
    return `<time datetime="${esc(time)}" title="${esc(time)}">${said}</time>`;
  };
  return { esc, grouped, plural, duration, rate, percent, ago };
}

export type Words = ReturnType<typeof words>;
