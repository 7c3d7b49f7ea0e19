import type { Command } from 'commander';
import { DEFAULTS } from '../../../core/settings/defaults.ts';
import type { ServeFlags } from '../../service/serve.ts';

/** Flags that `serve` and `up` share. */
export const withServeFlags = (command: Command): Command =>
  command
    .option(
      '--host <address>',
      `address to listen on; beyond this machine only with a token or --insecure (default: ${DEFAULTS.host})`,
    )
    .option('--port <n>', `port to listen on; 0 takes a free one (default: ${DEFAULTS.port})`)
    .option(
      '--token <secret>',
      'secret that callers must know; rather IMGCLS_TOKEN, which no process list shows',
    )
    .option('--token-secret <arn>', 'secret of AWS Secrets Manager that holds the token')
    .option('--insecure', 'listen beyond this machine without a token')
    .option('--allow-hosts <list>', 'further names under which the service may be called, comma-separated')
    .option('--allow-buckets <list>', 'S3 buckets that callers may name, comma-separated')
    .option('--cors-origins <list>', 'origins whose pages may call the service, comma-separated')
    .option('--max-files <n>', 'most images of one upload')
    .option('--max-request-bytes <n>', 'largest upload, in bytes')
    .option('--max-streams <n>', 'event streams open at once')
    .option('--requests-per-minute <n>', 'requests a minute of one address')
    .option('--model <name>', 'model of jobs that name none')
    .option('--open', 'open the page in a browser');

export function register(program: Command): void {
  withServeFlags(program.command('serve'))
    .description('The page and the REST service (reference at /docs). Several can run side by side.')
    .action(async (flags: ServeFlags) => {
      const { serve } = await import('../../service/serve.ts');
      await serve({ ...program.opts(), ...flags });
    });
}
