/** Faults that need processes of their own; test/e2e/hub-processes.test.ts has a test of each name. */
export const PROCESS_FAULTS = {
  killed: { name: 'the process is killed (SIGKILL) halfway, then run again', end: 'right bytes', resumes: true },
  interrupted: { name: 'Ctrl-C halfway, then run again', end: 'right bytes', resumes: true },
  twice: { name: 'two pulls of the same model at once', end: 'right bytes', resumes: false },
  takenOver: { name: 'of two simultaneous pulls, one is killed', end: 'right bytes', resumes: true }
} as const
