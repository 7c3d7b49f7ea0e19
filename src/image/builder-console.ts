/** What provision.sh has said on a builder's console. */
export interface Provisioning {
  /** Steps it has begun, in order. */
  steps: string[];
  /** Undefined as long as it has not ended. */
  end?: { version: string } | { failedAt: string };
}

const LINE = /imgcls-provision: (.*?)\s*$/;

/** The console shows each line with its own marks before it, and may show it more than once. */
export function readConsole(output: string): Provisioning {
  const steps: string[] = [];
  for (const line of output.split(/\r?\n/)) {
    const said = LINE.exec(line)?.[1];
    if (said === undefined) continue;
    const [, version] = /^OK (\S+)$/.exec(said) ?? [];
    if (version !== undefined) return { steps, end: { version } };
    const [, failedAt] = /^FAILED (.+)$/.exec(said) ?? [];
    if (failedAt !== undefined) return { steps, end: { failedAt } };
    if (!steps.includes(said)) steps.push(said);
  }
  return { steps };
}

const LAST_LINES = 15;

/** The end of it, for a person who wonders why. */
export const lastLines = (output: string): string =>
  output.trimEnd().split(/\r?\n/).slice(-LAST_LINES).join('\n');
