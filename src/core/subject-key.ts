/** A subject as the store knows it: with the namespace, so that two applications in one store never end each other's sessions. */
export function subjectKeyOf(namespace: string, subject: string): string {
  return `${namespace}:${subject}`
}

/** The application's own name of the subject. */
export function subjectNameOf(namespace: string, key: string): string
export function subjectNameOf(namespace: string, key: string | undefined): string | undefined
export function subjectNameOf(namespace: string, key: string | undefined): string | undefined {
  return key?.slice(namespace.length + 1)
}
