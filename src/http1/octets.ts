/** Which octets may stand where (RFC 9110 5.6.2, 5.5; RFC 3986). One table look-up an octet. */

export const CR = 13;
export const LF = 10;
export const SP = 32;
export const HTAB = 9;
export const COLON = 58;

/** Octets of a token: method, field name, coding. */
export const isToken: Uint8Array = table((octet) =>
  /[!#$%&'*+\-.^_`|~0-9A-Za-z]/.test(String.fromCharCode(octet)),
);

/** Octets of a field value, SP and HTAB included. 0x80 to 0xFF are opaque (RFC 9110 5.5). */
export const isFieldValue: Uint8Array = table(
  (octet) => octet === HTAB || (octet >= 0x20 && octet !== 0x7f),
);

/**
 * Octets of a request target. All that RFC 3986 has no place for are refused: controls, SP, 0x80 and above, and of
 * the visible ones those that parsers are known to read differently (`"`, `<`, `>`, `\`, `^`, `` ` ``, `{`, `|`, `}`
 * are let through save the backslash, because clients send them and no server takes them for a delimiter; `#` would
 * begin a fragment, which has no place in a target).
 */
export const isTarget: Uint8Array = table(
  (octet) => octet > 0x20 && octet < 0x7f && octet !== 0x23 && octet !== 0x5c,
);

/** The value of a hexadecimal digit, or 255. */
export const hexValue: Uint8Array = Uint8Array.from({ length: 256 }, (_, octet) => {
  const digit = String.fromCharCode(octet);
  return /[0-9a-fA-F]/.test(digit) ? Number.parseInt(digit, 16) : 255;
});

function table(holds: (octet: number) => boolean): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, octet) => (holds(octet) ? 1 : 0));
}
