export async function runDemo(_: {
  readonly once: boolean;
  readonly requests: number;
}): Promise<number> {
  return 1;
}
