/**
 * A subject as the store knows it: with the namespace, so that two applications in one store never end each other's
 * sessions. There is no colon in a namespace.
 * @throws TypeError for what cannot name a user, such as a number or an empty string.
 */
export function subjectKeyOf(namespace: string, subject: string): string {
  // Half a surrogate pair has no UTF-8 form: in a database two such users would become one.
  if (typeof subject !== 'string' || subject === '' || subject.length > 255 || /\p{Surrogate}/u.test(subject)) {
    throw new TypeError('subject: expected a string of 1 to 255 characters, such as String(user.id)')
  }
  return `${namespace}:${subject}`
}

/** The application's own name of the subject. */
export function subjectNameOf(namespace: string, key: string): string
export function subjectNameOf(namespace: string, key: string | undefined): string | undefined
export function subjectNameOf(namespace: string, key: string | undefined): string | undefined {
  return key?.slice(namespace.length + 1)
}
