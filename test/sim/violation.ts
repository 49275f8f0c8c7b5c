/** What must never happen has happened. `rule` is one of a few names; the message says to whom. */
export class Violation extends Error {
  readonly rule: string;

  constructor(rule: string, message: string) {
    super(message);
    this.rule = rule;
  }
}
