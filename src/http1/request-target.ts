/** The request target's four forms and the Host field (RFC 9112 3.2). */

/**
 * Host and optional port as RFC 3986 writes them: a name or IPv4, or an IPv6 address in brackets. No user information.
 * A comma is a sub-delimiter that RFC 3986 allows in a name, and a sure sign of two Host lines joined by somebody.
 * Of percent-encodings those are refused which, decoded, would end a string or a line, or end the host: controls, space,
 * `/ : ? # [ ] @`, `\`, and `%` itself, which would hide another. A port has no leading zeros: it has one spelling.
 */
const authorityForm =
  /^(?:(?:[A-Za-z0-9\-._~!$&'()*+;=]|%(?!7[Ff]|2[035Ff]|3[AaFf]|40|5[BbCcDd])[2-9A-Fa-f][0-9A-Fa-f])+|\[[0-9A-Fa-f:.]+\])(?::(?:0|[1-9][0-9]{0,4})?)?$/;

/** Whether `value` is a host with an optional port, as Host must be (RFC 9112 3.2). */
export function isAuthority(value: string): boolean {
  return (
    authorityForm.test(value) &&
    portIsProper(value) &&
    (!value.startsWith('[') || isIpv6(value.slice(1, value.indexOf(']'))))
  );
}

function portIsProper(value: string): boolean {
  const colon = value.lastIndexOf(':');
  if (colon === -1 || value.endsWith(']')) return true;
  return Number(value.slice(colon + 1)) <= 65535;
}

/** Whether the text, known to be hexadecimal digits, colons and dots, is an IPv6 address (RFC 3986 3.2.2). */
function isIpv6(text: string): boolean {
  const halves = text.split('::');
  if (halves.length > 2) return false;
  const groups = halves.flatMap((half) => (half === '' ? [] : half.split(':')));
  let count = groups.length;
  const last = groups.at(-1) ?? '';
  if (last.includes('.')) {
    // An IPv4 address may stand for the last two groups.
    if (!text.endsWith(last) || !ipv4Form.test(last)) return false;
    groups.pop();
    count += 1;
  }
  if (!groups.every((group) => /^[0-9A-Fa-f]{1,4}$/.test(group))) return false;
  return halves.length === 2 ? count <= 7 : count === 8;
}

const ipv4Form =
  /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)\.){3}(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)$/;

export interface Target {
  /** Path and query, or `*`. */
  readonly target: string;
  /** From an absolute-form target; undefined otherwise. */
  readonly authority?: string;
  readonly scheme?: 'http' | 'https';
}

/** Reads a target of any form. Gives a sentence instead when it has to be refused. */
export function readTarget(method: string, raw: string): Target | string {
  const first = raw.charCodeAt(0);
  if (first === 0x2f)
    return raw.includes('%') ? (encodingError(raw) ?? { target: raw }) : { target: raw };
  if (raw === '*') {
    // RFC 9110 7.1: the asterisk form is for OPTIONS alone.
    return method === 'OPTIONS'
      ? { target: '*' }
      : 'target "*" is for OPTIONS alone (RFC 9112 3.2.4)';
  }
  const found = /^(https?):\/\/([^/?]*)(.*)$/i.exec(raw);
  if (found === null) return 'the target is neither a path nor an http URI (RFC 9112 3.2)';
  const [, scheme = '', authority = '', rest = ''] = found;
  if (authority.includes('@')) return 'user information in the target (RFC 9110 4.2.4)';
  // RFC 9110 4.2.1: an http URI with an empty host is invalid.
  if (!isAuthority(authority)) return 'the target has no valid host (RFC 9110 4.2.1)';
  const wrong = encodingError(rest);
  if (wrong !== null) return wrong;
  // RFC 9112 3.2.4: server-wide OPTIONS in absolute form has neither path nor query.
  const target =
    rest === '' ? (method === 'OPTIONS' ? '*' : '/') : rest.startsWith('/') ? rest : `/${rest}`;
  return { target, authority, scheme: scheme.toLowerCase() === 'https' ? 'https' : 'http' };
}

/** Percent-encodings that end a string or a line in some server behind us. */
function encodingError(target: string): string | null {
  if (target.includes('%00')) return 'a percent-encoded NUL in the target';
  const query = target.indexOf('?');
  const path = query === -1 ? target : target.slice(0, query);
  return /%0[ad]/i.test(path) ? 'a percent-encoded CR or LF in the path' : null;
}
