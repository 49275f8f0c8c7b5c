/** Where checks put what they find, and ask what is sound enough to be looked at. */
import { type Finding, type Path, touches } from './mistake.ts';

export class Findings {
  readonly mistakes: Finding[] = [];
  /** What will run, and is probably not meant. */
  readonly warnings: Finding[] = [];
  readonly #earlier: readonly Finding[];

  /** `earlier` are the mistakes found before: what one of them touches is not looked at again. */
  constructor(earlier: readonly Finding[]) {
    this.#earlier = earlier;
  }

  isSound(...path: Path): boolean {
    return !this.#earlier.some((finding) => touches(finding.path, path));
  }

  mistake(path: Path, found: string, meant: string): void {
    this.mistakes.push({ path, at: 'value', found, meant });
  }

  mistakeInKey(path: Path, found: string, meant: string): void {
    this.mistakes.push({ path, at: 'key', found, meant });
  }

  warning(path: Path, found: string, meant: string): void {
    this.warnings.push({ path, at: 'value', found, meant });
  }
}
