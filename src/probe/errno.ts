/** The errno name of a failed system call (`ENOENT`, `EACCES`); empty for anything else that was thrown. */
export function errnoOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}
