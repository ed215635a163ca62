/** Lets one work after another happen to a thing, within one server with all its workers. */
export interface Locker {
  /** Runs the work while no other with the same key runs. @throws what the work throws */
  alone<T>(key: string, work: () => Promise<T>): Promise<T>;
}
