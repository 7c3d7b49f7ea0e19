interface NoJobProps {
  id: string;
  /** It was there. */
  isDeleted: boolean;
}

export const NoJob = ({ id, isDeleted }: NoJobProps) => (
  <section class="narrow">
    <h1 tabIndex={-1}>{isDeleted ? 'Job deleted' : 'Job not found'}</h1>
    <p>
      {isDeleted ? (
        'This job was deleted.'
      ) : (
        <>
          There is no job <code>{id}</code>. It may have been deleted, or the address is incomplete.
        </>
      )}
    </p>
    <p>
      <a class="button" href="jobs">
        See all jobs
      </a>
    </p>
  </section>
);
