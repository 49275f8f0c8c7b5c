/** Reads the requests of one connection of the hostile origin. They come from the gateway: forgiving is enough. */

export interface Come {
  readonly method: string;
  readonly kind: string;
  readonly size: number;
  /** From the field. */
  readonly id: string;
  /** From the path. */
  readonly pathId: string;
  readonly body: string;
}

type Head = Omit<Come, 'body'> & { readonly length: number; readonly isChunked: boolean };

export class RequestReader {
  #text = '';
  /** Its body is awaited. */
  #head: Head | null = null;
  readonly #whole: Come[] = [];

  push(text: string, onHead: (head: Head) => void): void {
    this.#text += text;
    for (;;) {
      if (this.#head === null) {
        const end = this.#text.indexOf('\r\n\r\n');
        if (end === -1) return;
        this.#head = readHead(this.#text.slice(0, end + 2));
        this.#text = this.#text.slice(end + 4);
        onHead(this.#head);
      }
      const body = this.#takeBody(this.#head);
      if (body === null) return;
      this.#whole.push({ ...this.#head, body });
      this.#head = null;
    }
  }

  shift(): Come | null {
    return this.#whole.shift() ?? null;
  }

  #takeBody({ length, isChunked }: Head): string | null {
    if (!isChunked) {
      if (this.#text.length < length) return null;
      return this.#take(length);
    }
    const end = /(?:^|\r\n)0\r\n\r\n/.exec(this.#text);
    if (end === null) return null;
    const wire = this.#take(end.index + end[0].length);
    // No body here has a line end of its own.
    const lines = wire.split('\r\n');
    return lines.filter((_, nth) => nth % 2 === 1).join('');
  }

  #take(length: number): string {
    const taken = this.#text.slice(0, length);
    this.#text = this.#text.slice(length);
    return taken;
  }
}

function readHead(head: string): Head {
  const [method = '', target = ''] = head.split(' ', 2);
  const [, kind = '', size = '', pathId = ''] = target.split('/');
  return {
    method,
    kind,
    size: Number(size),
    id: /^x-id: *(\S*)\r$/im.exec(head)?.[1] ?? '',
    pathId,
    length: Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0),
    isChunked: /^transfer-encoding: *chunked/im.test(head),
  };
}
