import { LiveSettings } from '../../app/live-settings.ts';
import { openLog } from '../../app/log.ts';
import { joinLocalController } from '../../app/open-cloud.ts';
import { maxWorkers, openProcessFleet } from '../../app/open-fleet.ts';
import { listActiveJobs } from '../../core/job/job-record.ts';
import { ImgclsError } from '../../core/runtime/errors.ts';
import { withRun } from '../run.ts';
import { logProblems, type ServeFlags, serveUntilInterrupted } from './serve.ts';

/** Runs `imgcls up`, the page, the controller and workers of one machine, until an interrupt. */
export function up({ insecure, open, ...rest }: ServeFlags): Promise<void> {
  const { debug: _debug, ...flags } = rest as typeof rest & { debug?: boolean };
  return withRun(flags, async (run) => {
    const { cloud, settings } = run;
    if (cloud.kind !== 'local') {
      throw new ImgclsError('usage', '"imgcls up" is for one machine, but the settings say cloud "aws".', {
        hint: 'On AWS run "imgcls scale" for the controller and "imgcls serve" for the page.',
      });
    }
    const opened = openProcessFleet(cloud, settings, maxWorkers);
    const live = await LiveSettings.open({ cloud, flags, settings, fleet: opened });
    const log = openLog(settings);
    const fleet = { driver: opened.driver, policy: live.policy, live };
    const controller = joinLocalController(cloud, settings, { fleet, onProblem: logProblems(log) });
    await serveUntilInterrupted(run, {
      insecure,
      open,
      log,
      controller: {
        failed: controller.failed,
        // End all workers. The next "imgcls up" continues the unfinished jobs.
        leave: async () => controller.leave(await Array.fromAsync(listActiveJobs(cloud.output))),
      },
    });
  });
}
