/** The rest of a message after its head, as the gateway passes it on. */
import { BodyDecoder, trailerLines } from '../../../src/http1/body-decoder.ts';
import type { Input } from '../../../src/http1/input.ts';
import { CHUNK_END, chunkStart, lastChunk } from '../../../src/http1/response-writer.ts';
import type { FieldTable } from '../../../src/message/fields.ts';
import type { BodyFraming } from '../../../src/message/head.ts';

export interface Body {
  readonly text: string;
  readonly pieces: readonly string[];
  readonly trailers: FieldTable | null;
}

/** Null when it is not whole, or malformed. */
export function bodyOf(
  head: { readonly framing: BodyFraming; readonly contentLength: number },
  input: Input,
): Body | null {
  const pieces: string[] = [];
  const ended: { trailers: FieldTable | null }[] = [];
  const decoder = new BodyDecoder();
  decoder.begin(head.framing, head.contentLength);
  const read = decoder.read(input, {
    onData: (data) => {
      pieces.push(data.toString('latin1'));
      return true;
    },
    onEnd: (trailers) => {
      ended.push({ trailers });
    },
  });
  const [end] = ended;
  if (read === 'end' && end !== undefined)
    return { text: pieces.join(''), pieces, trailers: end.trailers };
  return head.framing === 'close' ? { text: pieces.join(''), pieces, trailers: null } : null;
}

export function writtenBody(
  isChunked: boolean,
  { pieces, trailers, text }: Body,
  named: readonly string[] | null,
): string {
  if (!isChunked) return text;
  const lines = trailers === null ? '' : trailerLines(trailers, named);
  const chunks = pieces.map((piece) => `${chunkStart(piece.length)}${piece}${CHUNK_END}`);
  return chunks.join('') + lastChunk(lines);
}
