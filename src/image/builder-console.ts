/** The output of provision.sh on a builder's console. */
export interface Provisioning {
  /** Started steps, in order. */
  steps: string[];
  /** Undefined until it has ended. */
  end?: { version: string } | { failedAt: string };
}

const LINE = /imgcls-provision: (.*?)\s*$/;

/** The console puts its own prefix before each line and may repeat lines. */
export function readConsole(output: string): Provisioning {
  const steps: string[] = [];
  for (const line of output.split(/\r?\n/)) {
    const message = LINE.exec(line)?.[1];
    if (message === undefined) continue;
    const [, version] = /^OK (\S+)$/.exec(message) ?? [];
    if (version !== undefined) return { steps, end: { version } };
    const [, failedAt] = /^FAILED (.+)$/.exec(message) ?? [];
    if (failedAt !== undefined) return { steps, end: { failedAt } };
    if (!steps.includes(message)) steps.push(message);
  }
  return { steps };
}

const LAST_LINES = 15;

/** The end of the output, for error messages. */
export const lastLines = (output: string): string =>
  output.trimEnd().split(/\r?\n/).slice(-LAST_LINES).join('\n');
