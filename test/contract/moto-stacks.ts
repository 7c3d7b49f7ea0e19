/**
 * Parts of CloudFormation that moto lacks, added by faults of the proxy in front of it:
 * - a stack created or changed by a change set has outputs (moto computes none);
 * - "use the previous value" keeps the value as it was set (moto turns lists into Python's);
 * - parameters are returned as they were set.
 */
import type { Fault, FaultProxy, ProxiedRequest, Reply } from './fault-proxy.ts';

/** Values by parameter, by stack. */
export type StackParameters = Map<string, Map<string, string>>;

/** Makes the proxy answer for stacks like CloudFormation until its faults are dropped. Faults injected before take precedence. */
export function completeStacks(proxy: FaultProxy, given: StackParameters): void {
  const always = (action: string, answer: Fault['answer']) =>
    proxy.inject({ of: (request) => request.action === action, times: Number.POSITIVE_INFINITY, answer });
  always('CreateChangeSet', ({ form }, forward) => forward(withValues(form, given)));
  always('ExecuteChangeSet', executeWithOutputs);
  always('DescribeStacks', async (_, forward) => {
    const reply = await forward();
    return {
      ...reply,
      body: String(reply.body).replace(/\[&#x27;.*?\]|\[&apos;.*?\]|\['.*?'\]/g, plainList),
    };
  });
}

/** Every parameter with its value. Parameters that were never set are left to the template. */
function withValues(form: URLSearchParams | undefined, given: StackParameters): string {
  const request = new URLSearchParams(form);
  const stack = (request.get('StackName') ?? '').replace(/^.*:stack\/([^/]+)\/.*$/, '$1');
  const values = request.get('ChangeSetType') === 'CREATE' ? new Map<string, string>() : given.get(stack);
  const known = values ?? new Map<string, string>();
  given.set(stack, known);
  for (const [name, key] of [...request].filter(([name]) => name.endsWith('.ParameterKey'))) {
    const value = request.get(name.replace('ParameterKey', 'ParameterValue'));
    if (value !== null) known.set(key, value);
  }
  for (const name of [...request.keys()]) if (name.startsWith('Parameters.')) request.delete(name);
  [...known].forEach(([key, value], at) => {
    request.set(`Parameters.member.${at + 1}.ParameterKey`, key);
    request.set(`Parameters.member.${at + 1}.ParameterValue`, value);
  });
  return String(request);
}

async function executeWithOutputs(
  { form }: ProxiedRequest,
  forward: (body?: string) => Promise<Reply>,
): Promise<Reply> {
  const reply = await forward();
  const update = {
    Action: 'UpdateStack',
    Version: form?.get('Version') ?? '',
    StackName: form?.get('StackName') ?? '',
    UsePreviousTemplate: 'true',
  };
  const updated = await forward(String(new URLSearchParams(update)));
  if (updated.status >= 300) throw new Error(`moto did not compute the outputs: ${updated.body}`);
  return reply;
}

/** Converts a list of texts from Python's notation to CloudFormation's. */
const plainList = (text: string): string =>
  text
    .replaceAll(/&#x27;|&apos;/g, "'")
    .slice(1, -1)
    .split(', ')
    .map((each) => each.slice(1, -1))
    .join(',');
