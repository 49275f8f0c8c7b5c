/**
 * How octets are written in wire documents. Line ends of the document itself mean nothing; a line end on the wire
 * is `\r\n`. Besides there are `\t`, `\s` (a space, where one at the end of a line would not be seen), `\\`,
 * `\xHH` for any octet, and `\{N*text}` for `text` repeated N times (not one within another). All else stands for itself.
 */

const escapeForm = /\\(?:([rnts\\])|x([0-9a-fA-F]{2})|\{(\d+)\*((?:[^}\\]|\\[^{])+)\})/y;
const letters: Readonly<Record<string, string>> = { r: '\r', n: '\n', t: '\t', s: ' ', '\\': '\\' };

/** The octets that escaped text stands for. Throws on a backslash that begins no escape. */
export function unescapeOctets(text: string): Buffer {
  return Buffer.from(unescapeText(text.replaceAll('\n', '')), 'latin1');
}

function unescapeText(text: string): string {
  let plain = '';
  let at = 0;
  while (at < text.length) {
    const backslash = text.indexOf('\\', at);
    if (backslash === -1) return plain + text.slice(at);
    plain += text.slice(at, backslash);
    escapeForm.lastIndex = backslash;
    const found = escapeForm.exec(text);
    if (found === null) throw new Error(`no such escape: ${text.slice(backslash, backslash + 12)}`);
    const [all, letter, code, count, repeated] = found;
    if (letter !== undefined) plain += letters[letter];
    else if (code !== undefined) plain += String.fromCharCode(Number.parseInt(code, 16));
    else plain += unescapeText(repeated ?? '').repeat(Number(count));
    at = backslash + all.length;
  }
  return plain;
}

/** The same the other way; a run of 24 equal characters or more is written as a repetition. */
export function escapeText(latin1: string): string {
  return latin1
    .replace(/[^\x20-\x5b\x5d-\x7e]/g, escapeOctet)
    .replace(/([^\\{}*])\1{23,}/g, (run, octet: string) => `\\{${run.length}*${octet}}`)
    .replace(/^ | $/g, '\\s');
}

function escapeOctet(octet: string): string {
  if (octet === '\\') return '\\\\';
  if (octet === '\r') return '\\r';
  if (octet === '\n') return '\\n';
  if (octet === '\t') return '\\t';
  return `\\x${octet.charCodeAt(0).toString(16).padStart(2, '0')}`;
}
