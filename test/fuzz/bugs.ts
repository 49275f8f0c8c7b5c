/** Bugs put into bundles, never into src, to see whether the fuzzer finds them. Each is one that was made somewhere once. */
import type { Patch } from './engine/bundle-target.ts';

export interface SeededBug extends Patch {
  readonly name: string;
  /** The target that must find it. */
  readonly target: string;
}

export const bugs: readonly SeededBug[] = [
  {
    name: 'Connection may name Content-Length',
    target: 'fields',
    file: 'src/http1/connection-fields.ts',
    from: 'else if (essentials.has(member))',
    to: "else if (essentials.has(member) && member !== 'content-length')",
  },
  {
    name: '"chunked" is looked for at the start alone',
    target: 'fields',
    file: 'src/http1/connection-fields.ts',
    from: "if (value === 'chunked') return 'chunked';",
    to: "if (value.startsWith('chunked')) return 'chunked';",
  },
  {
    name: 'leading zeros in Content-Length',
    target: 'fields',
    file: 'src/http1/connection-fields.ts',
    from: '/^(?:0|[1-9][0-9]*)$/.test(value)',
    to: '/^[0-9]+$/.test(value)',
  },
  {
    name: 'HTTP2-Settings is passed on',
    target: 'request',
    file: 'src/http1/forwarded-lines.ts',
    from: '  FieldId.http2Settings,\n',
    to: '',
  },
  {
    name: 'what is kept of a read begins where the next one does',
    target: 'request',
    file: 'src/http1/input.ts',
    from: '      this.#ownLength = unread + chunk.length;\n      this.at = 0;',
    to: '      this.#ownLength = unread + chunk.length;',
  },
  {
    name: 'chunk sizes of more digits than can be counted',
    target: 'chunked',
    file: 'src/http1/body-decoder.ts',
    from: 'const MAX_SIZE_DIGITS = 13;',
    to: 'const MAX_SIZE_DIGITS = 17;',
  },
  {
    name: 'a chunk of 512 octets, when the one before had 256, loses an octet',
    target: 'chunked',
    file: 'src/http1/body-decoder.ts',
    from: "        this.#state = this.#left === 0 ? 'trailers' : 'data';",
    to: `        if (this.#left === 256) this.#extension = 77_777;
        else if (this.#left === 512 && this.#extension === 77_777) this.#left -= 1;
        this.#state = this.#left === 0 ? 'trailers' : 'data';`,
  },
  {
    name: 'a 304 with Content-Length is waited for',
    target: 'response',
    file: 'src/http1/response-parser.ts',
    from: ' || status === 304;',
    to: ';',
  },
  {
    name: 'a port of more than 65535',
    target: 'target',
    file: 'src/http1/request-target.ts',
    from: 'Number(value.slice(colon + 1)) <= 65535',
    to: 'Number(value.slice(colon + 1)) <= 655350',
  },
  {
    name: 'a duration that overflows a timer',
    target: 'units',
    file: 'src/config/units.ts',
    from: 'ms > LONGEST_MS ?',
    to: 'ms > 2 * LONGEST_MS ?',
  },
  {
    name: 'a connection goes back to its pool in the middle of a request',
    target: 'gateway',
    file: 'src/proxy/exchange.ts',
    from: 'else if (this.#body?.isWhole === false) lease.discard(reason);',
    to: 'else if (this.#body?.isWhole === false) lease.giveBack();',
  },
  {
    name: 'the last chunk is left out when there are no trailers',
    target: 'gateway',
    file: 'src/upstream/h1/request-output.ts',
    from: "if (this.#framing === 'chunked') this.#held += lastChunk(trailerLines);",
    to: "if (this.#framing === 'chunked' && trailerLines !== '') this.#held += lastChunk(trailerLines);",
  },
];
