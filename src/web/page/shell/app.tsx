import { FleetView } from '../fleet/fleet-view.tsx';
import { JobPageView } from '../job/job-view.tsx';
import { JobsView } from '../jobs/jobs-view.tsx';
import { view } from '../location.ts';
import { needsToken } from '../service/call-service.ts';
import { serverTrouble } from '../service/server.ts';
import { UploadView } from '../upload/upload-view.tsx';
import { Header } from './header.tsx';
import { LiveRegion } from './live-region.tsx';
import { ErrorNotice } from './notice.tsx';
import { TokenForm } from './token-form.tsx';

export function App() {
  return (
    <>
      <a class="skip" href="#main">
        Skip to content
      </a>
      <Header />
      <main id="main" tabIndex={-1}>
        {needsToken.value && <TokenForm />}
        {/* Hidden and not gone: what was chosen for upload waits behind the token's form. */}
        <div hidden={needsToken.value}>
          {serverTrouble.value !== undefined && <ErrorNotice error={serverTrouble.value} isTriedAgain />}
          <CurrentView />
        </div>
      </main>
      <LiveRegion />
    </>
  );
}

function CurrentView() {
  const current = view.value;
  switch (current.name) {
    case 'upload':
      return <UploadView />;
    case 'jobs':
      return <JobsView />;
    case 'job':
      return <JobPageView key={current.id} id={current.id} />;
    case 'fleet':
      return <FleetView />;
    case 'nowhere':
      return (
        <section class="narrow">
          <h1 tabIndex={-1}>Nothing here</h1>
          <p>
            This address leads nowhere. <a href="/">Label images</a>, or look at <a href="/jobs">your jobs</a>
            .
          </p>
        </section>
      );
  }
}
