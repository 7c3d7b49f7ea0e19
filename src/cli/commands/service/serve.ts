import { type Command, Option } from 'commander';
import { DEFAULTS } from '../../../core/settings/defaults.ts';
import { examples } from '../../flags.ts';
import type { ServeFlags } from '../../service/serve.ts';

/** Flags that `serve` and `up` share. */
export const withServeFlags = (command: Command): Command =>
  command
    .option(
      '--host <address>',
      `Address to listen on; other than this machine's own only with a token or --insecure (default: ${DEFAULTS.host})`,
    )
    .option('--port <n>', `Port to listen on; 0 takes a free one (default: ${DEFAULTS.port})`)
    .option(
      '--token <secret>',
      'Access token that callers must send; better set as IMGCLS_TOKEN, which process lists do not show',
    )
    .option('--token-secret <arn>', 'AWS Secrets Manager secret that holds the access token')
    .option('--insecure', 'Listen on any address without a token')
    .option('--allow-hosts <list>', 'Further host names that the service answers to, comma-separated')
    .option('--allow-buckets <list>', 'S3 buckets that callers may use, comma-separated')
    .addOption(
      new Option(
        '--allow-urls [hosts]',
        'Hosts from which the service fetches images whose web addresses callers submit, comma-separated; without hosts all that have public addresses',
      ).preset('public'),
    )
    .option('--cors-origins <list>', 'Origins whose web pages may call the service, comma-separated')
    .option('--max-files <n>', 'Maximum number of images per upload')
    .option('--max-request-bytes <n>', 'Maximum size of an upload, in bytes')
    .option('--max-streams <n>', 'Maximum number of open event streams')
    .option('--requests-per-minute <n>', 'Maximum number of requests per minute and address')
    .option('--model <name>', 'Model of jobs that name none')
    .option('--open', 'Open the web page in a browser');

export function register(program: Command): void {
  withServeFlags(program.command('serve'))
    .description(
      'Serve the web page and the REST API, with its reference at /docs. Several instances can run side by side.',
    )
    .addHelpText('after', examples('imgcls serve --port 9000'))
    .action(async (flags: ServeFlags) => {
      const { serve } = await import('../../service/serve.ts');
      await serve({ ...program.opts(), ...flags });
    });
}
