/**
 * A working directory that was deleted. Node, and packages while they load, ask for it and would end the program, though
 * nothing is read from there unless the user names a relative path.
 */

/** Goes to the root directory, and says so, where there is no working directory any more. */
export function leaveDeletedDirectory(): void {
  try {
    process.cwd();
  } catch {
    process.chdir('/');
    process.stderr.write('topoprobe: the working directory was deleted: relative paths are taken from /\n');
  }
}
