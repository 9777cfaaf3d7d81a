/**
 * What the binaries get to see. PGDATA, PGPORT, PGOPTIONS and locale variables of the caller would change what
 * they do, and secrets in the caller's environment are none of their business.
 */
export function childEnvironment(): NodeJS.ProcessEnv {
  const { PATH, TMPDIR, SystemRoot } = process.env;
  return {
    LC_ALL: 'C',
    ...(PATH === undefined ? {} : { PATH }),
    ...(TMPDIR === undefined ? {} : { TMPDIR }),
    ...(SystemRoot === undefined ? {} : { SystemRoot }), // Windows programs do not start without it
  };
}
