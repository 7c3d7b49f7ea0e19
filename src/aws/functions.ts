/** AWS Lambda: calls of the controller, and what an account may reserve. */
import { GetAccountSettingsCommand, InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import type { Functions } from '../core/aws-account/account.ts';
import { type SdkClientOptions, smallRequests } from './clients.ts';
import { calling } from './retry.ts';

/** Of the account's limit, Lambda keeps so many concurrent executions for all functions without a reservation. */
const KEPT_UNRESERVED = 100;

/** `end` closes its connections. */
export function createFunctions(options: SdkClientOptions): Functions & { end(): void } {
  const client = new LambdaClient(smallRequests(options));
  return {
    async canReserveOne() {
      try {
        const { AccountLimit } = await client.send(new GetAccountSettingsCommand({}));
        return (AccountLimit?.UnreservedConcurrentExecutions ?? 0) > KEPT_UNRESERVED;
      } catch {
        return false;
      }
    },
    end: () => client.destroy(),
  };
}

export interface ControllerCalls {
  /** Starts a call and does not wait for its end. */
  wake(signal: AbortSignal): Promise<void>;
  /** Whether this identity may do so. @throws {ImgclsError} if not. */
  check(): Promise<void>;
  end(): void;
}

/** Calls of the function that runs the controller; `end` closes the connections. */
export function createControllerCalls(name: string): ControllerCalls {
  // Retries would delay the end of a command. The schedule calls the controller anyway.
  const client = new LambdaClient({ ...smallRequests(), maxAttempts: 1 });
  const what = `call the controller, function ${name} (lambda:InvokeFunction)`;
  return {
    async wake(signal) {
      const request = new InvokeCommand({
        FunctionName: name,
        InvocationType: 'Event',
        Payload: Buffer.from(JSON.stringify({ wake: true })),
      });
      await calling(what, signal, (options) => client.send(request, options));
    },
    async check() {
      const request = new InvokeCommand({ FunctionName: name, InvocationType: 'DryRun' });
      await calling(what, undefined, () => client.send(request));
    },
    end: () => client.destroy(),
  };
}
