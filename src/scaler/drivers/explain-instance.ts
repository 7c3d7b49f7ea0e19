/** Why an instance failed, as far as EC2 knows. */
import type { Ec2, Ec2Instance } from '../../core/aws-account/ec2.ts';
import { messageOf } from '../../core/runtime/errors.ts';

/** EC2's reason for an instance whose disk it cannot encrypt, among others. It names no key. */
const NO_KEY = /^Client\.(InternalError|InvalidKMSKey)/;
const KEY_HINT =
  'Often the role that launches may not use the KMS key of the disk: see "Keys of your own" in docs/aws.md.';

/** The last line of a console may be of any length. */
const MAX_LINE = 200;

export function explainState(instances: readonly Ec2Instance[], id: string): string | undefined {
  const reason = instances.find((instance) => instance.id === id)?.stateReason;
  if (reason === undefined) return undefined;
  return `EC2 gives the reason ${reason.replace(/\.$/, '')}.${NO_KEY.test(reason) ? ` ${KEY_HINT}` : ''}`;
}

/** The reason of its state, and the last line of its console, which EC2 delays by minutes. */
export async function explainInstance(
  ec2: Pick<Ec2, 'describe' | 'consoleOutput'>,
  tag: Parameters<Ec2['describe']>[0],
  id: string,
): Promise<string> {
  const [instances, consoleEnd] = await Promise.all([ec2.describe(tag), lastConsoleLine(ec2, id)]);
  return [explainState(instances, id), consoleEnd].filter((part) => part !== undefined).join(' ');
}

/** The reason is only for people, so an error is a part of it. */
async function lastConsoleLine(ec2: Pick<Ec2, 'consoleOutput'>, id: string): Promise<string> {
  try {
    const lines = (await ec2.consoleOutput(id)).split(/[\r\n]+/).map((line) => line.trim());
    const last = lines.findLast((line) => line !== '');
    return last === undefined ? 'Its console is empty.' : `Its console ends with: ${last.slice(-MAX_LINE)}`;
  } catch (error) {
    return `Its console could not be read: ${messageOf(error)}`;
  }
}
