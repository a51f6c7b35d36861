/** Who wrote the first articles. */
export const authors = [
  { email: 'iris@reading-room.example', name: 'Iris Halloran' },
  { email: 'tomas@reading-room.example', name: 'Tomás Verde' },
  { email: 'noor@reading-room.example', name: 'Noor Aziz' },
] as const

const [iris, tomas, noor] = authors

/** What can be read on the first day. A blank line ends a paragraph, `##` starts a heading, `>` a quotation. */
export const articles = [
  {
    slug: 'the-cloakroom-ticket',
    topic: 'How things work',
    title: 'The cloakroom ticket',
    summary: 'A theatre has always known how to remember a stranger: keep the coat, hand out a number.',
    author: iris.email,
    publishedAt: '2026-03-02T09:00:00Z',
    body: `
You come in from the rain and hand over a coat. The attendant hangs it on a hook and gives you a small brass disc with a number on it. For the rest of the evening the theatre does not need to know your name, your seat or what is in your pockets. It needs the disc.

That is all a session is. The web forgets you after each page, because each request arrives alone. So the server keeps your things on a hook, and your browser keeps a number.

## Three rules of a good cloakroom

The number should be hard to guess. Discs numbered one to two hundred are fine among honest people with an attendant watching, but a web server has no one watching, and a million visitors who may try a million numbers a minute. So the number is drawn from a space so large that guessing is hopeless.

The number should not say anything. Nobody writes “grey overcoat, wallet in left pocket” on a disc. What the browser holds ought to be meaningless to whoever finds it.

> A lost ticket should cost you a coat for one evening, not for ever.

And the hook should be cleared. When you leave, the disc goes back and opens nothing from then on. If you forget to come back, the house waits a little and then clears the hook itself.

Everything else, and there is a good deal of everything else, follows from taking those three rules seriously while many people arrive at once.`,
  },
  {
    slug: 'what-happens-when-two-people-write',
    topic: 'How things work',
    title: 'What happens when two people write on one page',
    summary: 'Two tabs, one shopping basket, and the oldest quarrel in computing.',
    author: tomas.email,
    publishedAt: '2026-02-20T08:30:00Z',
    body: `
Put a notebook on a table between two people and ask each of them to add a line to the shopping list. If they both copy the page, add their line to their copy, and put the copy back, one of the lines is lost. Neither of them did anything wrong.

Software does this all day long. Two browser tabs add something to one basket within the same tenth of a second; both read the basket, both write it back, and one of the two things has never been there.

## Three ways out

You can let only one person hold the notebook. That is a lock: correct, and slow when the person who holds it goes to make tea.

You can look before you put the page back: is it still the page I copied? If not, start again with the new one. Nobody waits, and sometimes somebody repeats a little work.

Or you can send the change in place of the page. “Add one jar of honey” can be done to any list, in any order, and both jars arrive.

A good keeper of other people's baskets uses the second and the third, and never has to explain to anybody where their honey went.`,
  },
  {
    slug: 'a-room-with-no-clock',
    topic: 'Libraries',
    title: 'A room with no clock',
    summary: 'Why the best reading rooms are slightly too warm and tell you nothing about the time.',
    author: noor.email,
    publishedAt: '2026-02-11T10:15:00Z',
    body: `
There is a reading room I go back to whenever I am in that city, and it took me years to notice what it lacks. It has forty tables, green lamps, a gallery with a rail worn smooth, and not one clock.

I asked the librarian about it. She said that there had been one, over the door, until the nineteen-fifties, when it stopped; and that the hour in which nobody repaired it was so pleasant that the hour was extended.

## On being left alone

People think that a library's gift is its books. The books are at home as well, or can be sent there. What the room gives is permission: nobody will ask what you are doing, and nobody will find it odd that you have been doing it since ten.

The trick is that everyone is alone together. You look up, forty strangers are looking down, and your own restlessness begins to seem like bad manners.

At six somebody walks through with a small bell. It is the only measured thing in the day, and by then you no longer mind.`,
  },
  {
    slug: 'the-margin-is-the-book',
    topic: 'Typography',
    title: 'The margin is the book',
    summary: 'Paper with nothing on it is the most expensive thing a printer sells, and the most useful.',
    author: iris.email,
    publishedAt: '2026-01-28T07:45:00Z',
    body: `
Take any page that you enjoy reading and measure it. About half of the paper is bare. A printer who wanted to save money could have set the same novel in half as many pages, and you would have put it down on the second evening without knowing why.

Margins do three plain jobs. They give your thumbs a place. They tell your eye where the line begins, so that it finds its way back without hunting. And they keep the page in front of you apart from the table, the carpet and the rest of the world.

## The measure

The one number worth remembering is the length of the line. Somewhere between forty-five and seventy-five letters, the eye makes the return trip in one hop. Longer, and it lands on the wrong line. Shorter, and it spends more time coming back than reading.

Screens have given us any width we like and so, mostly, the wrong one. The remedy costs nothing: stop the column before the window ends, and leave the rest alone. It is not empty. It is the margin.`,
  },
  {
    slug: 'listening-to-one-cello',
    topic: 'Music',
    title: 'Listening to one cello',
    summary: 'The suites were exercises once. What a player learns from them, and what the rest of us may.',
    author: tomas.email,
    publishedAt: '2026-01-15T18:00:00Z',
    body: `
For a long time the cello suites were something that students played to strengthen the left hand. Then a boy of thirteen found the score in a second-hand shop by the harbour in Barcelona, took it home, and practised it for twelve years before he played it to anyone.

A cello can hold one note well, two with effort, and no more. So the music does a thing that seems impossible: it lets you hear the notes that are not there. A low note is touched and left, and while the melody goes on above, your ear keeps the low one sounding, because the harmony needs it. Half of the piece is played by the listener.

## How to begin

Begin with the first prelude, since it is always the first. Then leave it, and try the sarabande of the fifth. There is no chord in it at all, hardly any ornament, only single notes that step down as if on a dark stair. Play it once a day for a week, and do nothing else while it lasts. It takes four minutes.`,
  },
  {
    slug: 'reading-aloud',
    topic: 'Books',
    title: 'In favour of reading aloud',
    summary: 'A book read to someone else is slower, odder and very often funnier.',
    author: noor.email,
    publishedAt: '2025-12-19T16:20:00Z',
    body: `
Silent reading is a late invention. For most of the history of books, a reader moved their lips, and a room of readers hummed like a hive.

We gave that up for speed and gained a great deal of speed. What we lost is a certain honesty. When you read aloud you cannot skip. The paragraph about the hedge is part of the book, and you will say it; somewhere in the middle you may find that the hedge was the point.

Comedy gains most. Three men, a boat and a tin of pineapple are amusing on the page. Read out by someone who is trying to keep a straight face they are close to dangerous.

## A few rules

Go slower than seems reasonable. Do the voices only if you cannot help it. Stop at the end of a chapter even when they ask you not to, and above all when they ask you not to.`,
  },
  {
    slug: 'the-card-catalogue',
    topic: 'Libraries',
    title: 'What the card catalogue knew',
    summary: 'Thumb marks, corrections in three inks, and the shortest biography of a book ever written.',
    author: iris.email,
    publishedAt: '2025-12-03T11:00:00Z',
    body: `
When the catalogue went into the computer, the drawers went to the cellar, and I am one of the people who go down to look at them.

A card says what the record says: author, title, place, year. But the card also says who cared. The corner of a book that was asked for often is dark and soft. The card of a book that nobody wanted is as clean as the day it was typed. A correction in violet ink tells you that someone in 1931 found out the pseudonym, and a second one in pencil that someone in 1964 was not convinced.

The screen is better in every respect that matters. It finds what you ask for, from anywhere, at once. It has only forgotten how to be worn.`,
  },
  {
    slug: 'second-hand',
    topic: 'Books',
    title: 'Second hand',
    summary: 'On inscriptions, bus tickets and the company of earlier readers.',
    author: tomas.email,
    publishedAt: '2025-11-14T09:40:00Z',
    body: `
“To Margaret, who will not like it. Christmas 1958.” I have owned that book for twenty years, and I still do not know whether she did.

New books are private. A second-hand book comes with company: a bus ticket at page ninety, where someone got off; a line under a sentence that you would have passed by; and once, in a cookery book, a pressed leaf on the page for quince.

I used to rub out the pencil marks. Now I leave them, and add one now and then, lightly, for whoever is next.`,
  },
] as const
