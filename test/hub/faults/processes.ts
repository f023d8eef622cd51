/** Faults that need separate processes; test/hub/processes.test.ts has a test for each name. */
export const PROCESS_FAULTS = {
  killed: { name: 'the process is killed (SIGKILL) half-way, then started again', end: 'right bytes', resumes: true },
  interrupted: { name: 'Ctrl-C half-way, then started again', end: 'right bytes', resumes: true },
  twice: { name: 'two pulls of one model at the same time', end: 'right bytes', resumes: false },
  takenOver: { name: 'one of two simultaneous pulls is killed', end: 'right bytes', resumes: true }
} as const
