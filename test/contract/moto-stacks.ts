/**
 * What moto leaves out of CloudFormation, done by faults of the proxy in front of it:
 * - a stack made or changed by a change set has outputs (moto works none out);
 * - "as it was" means the value as it was given (moto takes lists for Python's);
 * - parameters are told as they were given.
 */
import type { Fault, FaultProxy, ProxiedRequest, Reply } from './fault-proxy.ts';

/** Values that were given, by parameter, by stack. */
export type GivenParameters = Map<string, Map<string, string>>;

/** Has the proxy answer for stacks as CloudFormation does, until its faults are dropped; those injected before come first. */
export function completeStacks(proxy: FaultProxy, given: GivenParameters): void {
  const always = (action: string, answer: Fault['answer']) =>
    proxy.inject({ of: (request) => request.action === action, times: Number.POSITIVE_INFINITY, answer });
  always('CreateChangeSet', ({ form }, forward) => forward(withValues(form, given)));
  always('ExecuteChangeSet', executeAndWorkOut);
  always('DescribeStacks', async (_, forward) => {
    const reply = await forward();
    return {
      ...reply,
      body: String(reply.body).replace(/\[&#x27;.*?\]|\[&apos;.*?\]|\['.*?'\]/g, plainList),
    };
  });
}

/** Every parameter with its value; those that nobody has ever given are left to the template. */
function withValues(form: URLSearchParams | undefined, given: GivenParameters): string {
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

async function executeAndWorkOut(
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
  const worked = await forward(String(new URLSearchParams(update)));
  if (worked.status >= 300) throw new Error(`moto does not work out the outputs: ${worked.body}`);
  return reply;
}

/** Python's way to write a list of texts, as CloudFormation's. */
const plainList = (text: string): string =>
  text
    .replaceAll(/&#x27;|&apos;/g, "'")
    .slice(1, -1)
    .split(', ')
    .map((each) => each.slice(1, -1))
    .join(',');
