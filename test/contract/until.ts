/** Polls until `attempt` returns a value that is neither undefined nor false: clouds are eventually consistent. */
export async function until<T>(
  what: string,
  attempt: () => Promise<T | undefined | false>,
  { timeoutMs = 20_000, everyMs = 50 } = {},
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const value = await attempt();
    if (value !== undefined && value !== false) return value;
    if (performance.now() > deadline)
      throw new Error(`Timed out after ${timeoutMs} ms: waited until ${what}.`);
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}
