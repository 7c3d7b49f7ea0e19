/** Why an instance failed, as far as EC2 knows. */
import type { Ec2, Ec2Instance } from '../../core/aws-account/ec2.ts';
import { messageOf } from '../../core/runtime/errors.ts';

/** The last line of a console may be of any length. */
const MAX_LINE = 200;

export function explainState(instances: readonly Ec2Instance[], id: string): string | undefined {
  const reason = instances.find((instance) => instance.id === id)?.stateReason;
  return reason === undefined ? undefined : `EC2 gives the reason ${reason}.`;
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
