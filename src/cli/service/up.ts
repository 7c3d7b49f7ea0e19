import { joinLocalController } from '../../app/open-cloud.ts';
import { policySettings } from '../../app/open-controller.ts';
import { maxWorkers, openProcessFleet } from '../../app/open-fleet.ts';
import type { Store } from '../../core/cloud/ports.ts';
import { ACTIVE_PREFIX } from '../../core/job/keys.ts';
import { ImgclsError } from '../../core/runtime/errors.ts';
import { withRun } from '../run.ts';
import { type ServeFlags, serveUntilInterrupted } from './serve.ts';

/** Runs `imgcls up`: all that one machine needs, until it is told to stop. */
export function up({ insecure, open, ...given }: ServeFlags): Promise<void> {
  const { debug: _debug, ...flags } = given as typeof given & { debug?: boolean };
  return withRun(flags, async (run) => {
    const { cloud, settings } = run;
    if (cloud.kind !== 'local') {
      throw new ImgclsError('usage', '"imgcls up" is for one machine, and the settings say cloud aws.', {
        hint: 'On AWS "imgcls scale" is the controller and "imgcls serve" the page.',
      });
    }
    const driver = openProcessFleet(cloud, settings, maxWorkers(cloud, settings));
    const policy = await policySettings(cloud, settings, driver);
    const attendance = joinLocalController(cloud, settings, { driver, policy });
    await serveUntilInterrupted(run, {
      insecure,
      open,
      attendance: {
        failed: attendance.failed,
        // Nothing stays behind: jobs that are not finished go on with the next "imgcls up".
        leave: async () => attendance.leave(await unfinishedJobs(cloud.output)),
      },
    });
  });
}

async function unfinishedJobs(output: Store): Promise<string[]> {
  const markers = await Array.fromAsync(output.list(ACTIVE_PREFIX));
  return markers.map(({ key }) => key.slice(ACTIVE_PREFIX.length));
}
