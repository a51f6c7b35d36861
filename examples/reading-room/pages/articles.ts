import type { Request, Response } from 'express'
import { Router } from 'express'
import type { Article, Draft } from '../database/articles.ts'
import { articleNamed, articlesBy, articlesOn, edit, newestArticles, publish, topics } from '../database/articles.ts'
import type { Room } from '../room.ts'
import { day, plural } from '../views/format.ts'
import type { Problems } from '../views/forms.ts'
import { field, problemList } from '../views/forms.ts'
import type { Html } from '../views/html.ts'
import { html } from '../views/html.ts'
import { prose } from '../views/prose.ts'
import { formToken } from './csrf.ts'
import { showForbidden, showNotFound } from './errors.ts'
import { lineIn, textIn } from './input.ts'
import { show } from './show.ts'
import { userFrom } from './sign-in.ts'

/** Anyone may browse and read; whoever is signed in may publish, and edit what they published. */
export function articlePages(room: Room): Router {
  const router = Router()
  router.get('/articles', (req, res) => showIndex(room, req, res))
  router.get('/articles/mine', (req, res) => showMine(room, req, res))
  router.get('/articles/new', async (req, res) => {
    if (userFrom(room, req, res) !== undefined) await showForm(room, req, res, { draft: emptyDraft })
  })
  router.post('/articles', (req, res) => publishDraft(room, req, res))
  router.get('/articles/:slug', (req, res) => showArticle(room, req, res))
  router.get('/articles/:slug/edit', (req, res) => editArticle(room, req, res))
  router.post('/articles/:slug', (req, res) => editArticle(room, req, res))
  return router
}

async function showIndex(room: Room, req: Request, res: Response): Promise<void> {
  const topic = typeof req.query['topic'] === 'string' ? req.query['topic'] : undefined
  const articles = topic === undefined ? newestArticles(room.db) : articlesOn(room.db, topic)
  const current = (name: string | undefined): Html | false => name === topic && html` aria-current="page"`
  await show(room, req, res, {
    title: topic ?? 'Articles',
    section: 'articles',
    main: html`<header class="page-head">
        <h1>${topic ?? 'Articles'}</h1>
        <a class="button button-quiet" href="/articles/new">Write an article</a>
      </header>
      <nav class="topics" aria-label="Topics">
        <a href="/articles" ${current(undefined)}>All</a>
        ${topics(room.db).map(
          ({ name, articles: count }) =>
            html`<a href="/articles?topic=${encodeURIComponent(name)}" ${current(name)}>
              ${name} <span class="soft">${count}</span>
            </a>`,
        )}
      </nav>
      ${articles.length === 0 ? html`<p class="empty">Nothing has been written about this yet.</p>` : articleList(articles)}`,
  })
}

async function showMine(room: Room, req: Request, res: Response): Promise<void> {
  const user = userFrom(room, req, res)
  if (user === undefined) return
  const articles = articlesBy(room.db, user.id)
  await show(room, req, res, {
    title: 'Your articles',
    section: 'articles',
    main: html`<header class="page-head">
        <h1>Your articles</h1>
        <a class="button" href="/articles/new">Write an article</a>
      </header>
      ${
        articles.length === 0
          ? html`<p class="empty">You have not published anything yet.</p>`
          : html`<p class="soft">${plural(articles.length, 'article')}</p>
              ${articleList(articles)}`
      }`,
  })
}

async function showArticle(room: Room, req: Request<{ slug: string }>, res: Response): Promise<void> {
  const article = articleNamed(room.db, req.params.slug)
  if (article === undefined) return showNotFound(room, req, res)
  const isOwn = room.sessionOf(req).subject === String(article.authorId)
  await show(room, req, res, {
    title: article.title,
    section: 'articles',
    main: html`<article class="reading">
      <header>
        <p class="topic"><a href="/articles?topic=${encodeURIComponent(article.topic)}">${article.topic}</a></p>
        <h1>${article.title}</h1>
        <p class="lead">${article.summary}</p>
        ${byline(article)}
        ${isOwn && html`<p><a class="button button-quiet" href="/articles/${article.slug}/edit">Edit this article</a></p>`}
      </header>
      ${prose(article.body)}
    </article>`,
  })
}

async function publishDraft(room: Room, req: Request, res: Response): Promise<void> {
  const user = userFrom(room, req, res)
  if (user === undefined) return
  const draft = draftIn(req)
  const problems = problemsOf(draft)
  if (Object.keys(problems).length > 0) return showForm(room, req, res, { draft, problems })
  const slug = publish(room.db, user.id, draft)
  room.sessionOf(req).flash('good', 'Your article is published.')
  res.redirect(303, `/articles/${slug}`)
}

/** Shows the form, or takes it: for the author of the article and for nobody else. */
async function editArticle(room: Room, req: Request<{ slug: string }>, res: Response): Promise<void> {
  const user = userFrom(room, req, res)
  if (user === undefined) return
  const article = articleNamed(room.db, req.params.slug)
  if (article === undefined) return showNotFound(room, req, res)
  if (article.authorId !== user.id) return showForbidden(room, req, res, 'Only its author can edit an article.')
  if (req.method !== 'POST') return showForm(room, req, res, { article, draft: article })

  const draft = draftIn(req)
  const problems = problemsOf(draft)
  if (Object.keys(problems).length > 0) return showForm(room, req, res, { article, draft, problems })
  edit(room.db, user.id, article.slug, draft)
  room.sessionOf(req).flash('good', 'Your changes are saved.')
  res.redirect(303, `/articles/${article.slug}`)
}

interface Form {
  /** The article being edited; undefined for a new one. */
  readonly article?: Article
  readonly draft: Draft
  readonly problems?: Problems
}

const emptyDraft: Draft = { topic: '', title: '', summary: '', body: '' }

async function showForm(room: Room, req: Request, res: Response, form: Form): Promise<void> {
  const { article, draft, problems = {} } = form
  const heading = article === undefined ? 'Write an article' : 'Edit your article'
  const bodyHint = 'A blank line ends a paragraph. A line that starts with ## is a heading, one with > a quotation.'
  const known = topics(room.db).map(({ name }) => name)
  await show(room, req, res, {
    title: heading,
    section: 'articles',
    status: form.problems === undefined ? 200 : 422,
    main: html`<div class="sheet">
      <h1>${heading}</h1>
      ${problemList(problems)}
      <form
        class="form"
        method="post"
        action="${article === undefined ? '/articles' : `/articles/${article.slug}`}"
        novalidate
      >
        ${formToken(room, req)}
        ${field({ name: 'title', label: 'Title', value: draft.title, maxlength: 120 }, problems)}
        ${field({ name: 'topic', label: 'Topic', value: draft.topic, maxlength: 40, suggestions: known }, problems)}
        ${field({ name: 'summary', label: 'Summary', value: draft.summary, maxlength: 200, rows: 2 }, problems)}
        ${field({ name: 'body', label: 'Text', value: draft.body, hint: bodyHint, rows: 14, maxlength: 20_000 }, problems)}
        <p class="actions">
          <button class="button">${article === undefined ? 'Publish' : 'Save changes'}</button>
          <a href="${article === undefined ? '/articles' : `/articles/${article.slug}`}">Cancel</a>
        </p>
      </form>
    </div>`,
  })
}

function draftIn(req: Request): Draft {
  return {
    topic: lineIn(req, 'topic', 40),
    title: lineIn(req, 'title', 120),
    summary: lineIn(req, 'summary', 200),
    body: textIn(req, 'body', 20_000),
  }
}

function problemsOf(draft: Draft): Problems {
  return {
    ...(draft.title === '' && { title: 'Give the article a title.' }),
    ...(draft.topic === '' && { topic: 'Choose a topic, or name a new one.' }),
    ...(draft.summary === '' && { summary: 'Say in a sentence what it is about.' }),
    ...(draft.body === '' && { body: 'The text is still empty.' }),
  }
}

export function articleList(articles: readonly Article[]): Html {
  return html`<ul class="articles">
    ${articles.map(
      (article) =>
        html`<li class="teaser">
          <p class="topic">${article.topic}</p>
          <h3><a href="/articles/${article.slug}">${article.title}</a></h3>
          <p>${article.summary}</p>
          ${byline(article)}
        </li>`,
    )}
  </ul>`
}

function byline(article: Article): Html {
  return html`<p class="byline">
    ${article.authorName} · ${day(article.publishedAt)}
    ${article.editedAt !== undefined && html` · edited ${day(article.editedAt)}`}
  </p>`
}
