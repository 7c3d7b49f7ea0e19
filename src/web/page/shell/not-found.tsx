export const NotFound = () => (
  <section class="narrow">
    <h1 tabIndex={-1}>Page not found</h1>
    <p>There is no page at this address. It may have been cut off when it was copied.</p>
    <div class="buttons">
      <a class="button primary" href="./">
        Label photos
      </a>
      <a class="button" href="jobs">
        See all jobs
      </a>
    </div>
  </section>
);
