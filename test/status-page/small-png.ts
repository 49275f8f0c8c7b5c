/**
 * Makes a screenshot small: a palette of at most 256 colours in place of millions that nobody can tell apart.
 * For Chromium's own screenshots: 8 bits a channel, RGB or RGBA, not interlaced.
 */
import { crc32, deflateSync, inflateSync } from 'node:zlib';

interface Chunk {
  readonly type: string;
  readonly data: Buffer;
}

export function smallPng(png: Buffer): Buffer {
  const chunks = chunksOf(png);
  const head = chunks.find(({ type }) => type === 'IHDR')?.data as Buffer;
  const width = head.readUInt32BE(0);
  const height = head.readUInt32BE(4);
  const [depth, kind, , , interlaced] = head.subarray(8);
  if (depth !== 8 || (kind !== 2 && kind !== 6) || interlaced !== 0) return png;
  const step = kind === 2 ? 3 : 4;
  const packed = Buffer.concat(
    chunks.filter(({ type }) => type === 'IDAT').map(({ data }) => data),
  );
  const pixels = unfiltered(inflateSync(packed), { width, height, step });
  const { colours, indexOf } = palette(pixels, step);
  const rows = Buffer.alloc(height * (width + 1));
  for (let y = 0; y < height; y += 1)
    for (let x = 0; x < width; x += 1) {
      const at = (y * width + x) * step;
      rows[y * (width + 1) + 1 + x] = indexOf(colourAt(pixels, at));
    }
  const newHead = Buffer.from(head);
  newHead[9] = 3;
  const small = [
    png.subarray(0, 8),
    chunk('IHDR', newHead),
    chunk('PLTE', Buffer.from(colours.flatMap((c) => [c >> 16, (c >> 8) & 255, c & 255]))),
    chunk('IDAT', deflateSync(rows, { level: 9 })),
    chunk('IEND', Buffer.alloc(0)),
  ];
  return Buffer.concat(small);
}

function chunksOf(png: Buffer): Chunk[] {
  const chunks: Chunk[] = [];
  for (let at = 8; at < png.length; ) {
    const length = png.readUInt32BE(at);
    const data = png.subarray(at + 8, at + 8 + length);
    chunks.push({ type: png.toString('latin1', at + 4, at + 8), data });
    at += length + 12;
  }
  return chunks;
}

function chunk(type: string, data: Buffer): Buffer {
  const made = Buffer.alloc(data.length + 12);
  made.writeUInt32BE(data.length, 0);
  made.write(type, 4, 'latin1');
  data.copy(made, 8);
  made.writeUInt32BE(crc32(made.subarray(4, data.length + 8)), data.length + 8);
  return made;
}

/** Undoes PNG's filters, row by row (PNG specification, section 9). */
function unfiltered(
  raw: Buffer,
  { width, height, step }: { width: number; height: number; step: number },
): Buffer {
  const stride = width * step;
  const out = Buffer.alloc(stride * height);
  for (let y = 0; y < height; y += 1) {
    const filter = raw[y * (stride + 1)] as number;
    for (let x = 0; x < stride; x += 1) {
      const at = y * stride + x;
      const left = x >= step ? (out[at - step] as number) : 0;
      const up = y > 0 ? (out[at - stride] as number) : 0;
      const corner = x >= step && y > 0 ? (out[at - stride - step] as number) : 0;
      const said = raw[y * (stride + 1) + 1 + x] as number;
      out[at] = (said + foretold(filter, left, up, corner)) & 255;
    }
  }
  return out;
}

function foretold(filter: number, left: number, up: number, corner: number): number {
  if (filter === 1) return left;
  if (filter === 2) return up;
  if (filter === 3) return (left + up) >> 1;
  if (filter !== 4) return 0;
  const guess = left + up - corner;
  const [a, b, c] = [Math.abs(guess - left), Math.abs(guess - up), Math.abs(guess - corner)];
  if (a <= b && a <= c) return left;
  return b <= c ? up : corner;
}

function colourAt(pixels: Buffer, at: number): number {
  return (
    ((pixels[at] as number) << 16) | ((pixels[at + 1] as number) << 8) | (pixels[at + 2] as number)
  );
}

/** The most frequent colours that differ enough; every other is shown as the nearest of them. */
function palette(pixels: Buffer, step: number) {
  const counts = new Map<number, number>();
  for (let at = 0; at < pixels.length; at += step) {
    const colour = colourAt(pixels, at);
    counts.set(colour, (counts.get(colour) ?? 0) + 1);
  }
  const byCount = [...counts].sort((a, b) => b[1] - a[1]).map(([colour]) => colour);
  const colours: number[] = [];
  for (const colour of byCount) {
    if (colours.length === 256) break;
    if (colours.every((other) => distance(colour, other) > 160)) colours.push(colour);
  }
  const known = new Map<number, number>();
  const indexOf = (colour: number): number => {
    let index = known.get(colour);
    if (index === undefined) {
      index = 0;
      for (const [i, other] of colours.entries())
        if (distance(colour, other) < distance(colour, colours[index] as number)) index = i;
      known.set(colour, index);
    }
    return index;
  };
  return { colours, indexOf };
}

function distance(a: number, b: number): number {
  const red = (a >> 16) - (b >> 16);
  const green = ((a >> 8) & 255) - ((b >> 8) & 255);
  const blue = (a & 255) - (b & 255);
  return red * red + green * green + blue * blue;
}
