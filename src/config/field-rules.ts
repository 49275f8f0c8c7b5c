/** Which header fields configuration may set and remove, and which of them hold secrets. */
import { isFieldValue, isToken } from '../http1/octets.ts';

/** Written by the gateway itself in every request: a second hand in them would split one message into two readings. */
const ownFields: Readonly<Record<string, string>> = {
  host: 'write host: upstream or host: client beside headers',
  'content-length': 'it frames the message',
  'transfer-encoding': 'it frames the message',
  connection: 'it belongs to each connection, not to the request',
  'keep-alive': 'it belongs to each connection, not to the request',
  'proxy-connection': 'it belongs to each connection, not to the request',
  te: 'it belongs to each connection, not to the request',
  trailer: 'it goes with the body that it announces',
  upgrade: 'list the token in upgrades beside headers',
  'http2-settings': 'it belongs to each connection, not to the request',
  expect: 'the client asks for it, and it is passed on',
  'max-forwards': 'it is counted down',
  via: 'write via: and a name beside headers',
};

/** What is wrong with the name of a field to set or remove; null when nothing is. */
export function fieldNameMistake(name: string): string | null {
  if (!isProperName(name))
    return "a field name is meant: letters, digits and !#$%&'*+-.^_`|~ (RFC 9110 5.1)";
  const lower = name.toLowerCase();
  // Not what every object has: "constructor" is a name like any other.
  return Object.hasOwn(ownFields, lower)
    ? `a field that the gateway does not write itself is meant: ${ownFields[lower]}`
    : null;
}

export function isProperName(name: string): boolean {
  if (name === '') return false;
  for (let index = 0; index < name.length; index += 1)
    if (isToken[name.charCodeAt(index)] !== 1) return false;
  return true;
}

/** What is wrong with the value of a field to set; null when nothing is. */
export function fieldValueMistake(value: string): string | null {
  for (const octet of Buffer.from(value, 'utf8')) {
    if (isFieldValue[octet] !== 1)
      return 'a value without line breaks and control characters is meant (RFC 9110 5.5)';
  }
  if (/^[ \t]|[ \t]$/.test(value)) return 'a value without white space at its ends is meant';
  return null;
}

/** One line of a head. Heads are written as latin1, so what is beyond ASCII is put as its UTF-8 octets. */
export function fieldLine(name: string, value: string): string {
  return `${name}: ${Buffer.from(value, 'utf8').toString('latin1')}\r\n`;
}

/** Whether the value of such a field is hidden wherever configuration is shown. Rather one too many. */
export function isSensitive(name: string): boolean {
  return /auth|cookie|token|secret|key|pass|pwd|pin|jwt|credential|session|signature|assertion/i.test(
    name,
  );
}
