/**
 * The one style sheet: light and dark, wide and narrow, no font and no picture from elsewhere. Each pair of text and ground has a
 * contrast of 4.5 at least (WCAG 2.2, 1.4.3).
 *
 * @module
 */

/** CSS. */
export const STYLE = `
:root {
  --ground: #f6f7f9; --card: #ffffff; --text: #1b2330; --soft: #566072; --line: #d5dae3;
  --accent: #0b5cad; --accent-text: #ffffff; --focus: #0b5cad;
  --good: #17663a; --good-ground: #e5f4ea; --bad: #a11f1f; --bad-ground: #fdeaea;
  --warn: #7a4b00; --warn-ground: #fdf3dc; --info: #1c4f86; --info-ground: #e7f0fa;
  color-scheme: light dark;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #11151c; --card: #1a202a; --text: #e7ebf2; --soft: #a7b1c2; --line: #343d4c;
    --accent: #7db6f5; --accent-text: #0c1420; --focus: #9cc8fa;
    --good: #8bdcab; --good-ground: #14301f; --bad: #ffb0a8; --bad-ground: #3a1a1a;
    --warn: #f2cd83; --warn-ground: #35290e; --info: #a9d0fb; --info-ground: #152a42;
  }
}
* { box-sizing: border-box; }
[hidden] { display: none !important; }
body { overflow-wrap: anywhere; }
fieldset, .grid > * { min-width: 0; }
button, .button { max-width: 100%; white-space: normal; overflow-wrap: anywhere; }
html { font-size: 100%; -webkit-text-size-adjust: 100%; }
html:lang(ja) { line-break: strict; }
:lang(ja) :is(h1, h2, h3, summary, button, .button, label, legend) { word-break: auto-phrase; }
body {
  margin: 0; background: var(--ground); color: var(--text);
  font: 1rem/1.6 system-ui, -apple-system, "Segoe UI", Roboto, "Hiragino Sans", "Noto Sans CJK JP", "Noto Sans JP", "Yu Gothic UI", sans-serif;
}
a { color: var(--accent); text-underline-offset: .2em; }
:focus-visible { outline: 3px solid var(--focus); outline-offset: 2px; border-radius: .25rem; }
.skip { position: absolute; left: -100vw; padding: .5rem 1rem; background: var(--card); }
.skip:focus { left: 1rem; top: .5rem; z-index: 2; }
header { background: var(--card); border-bottom: 1px solid var(--line); }
.bar, nav, main { max-width: 68rem; margin: 0 auto; padding: 0 1rem; }
.bar { display: flex; flex-wrap: wrap; gap: .25rem 1rem; align-items: center; min-height: 3.25rem; }
.bar form { display: contents; }
.brand { font-weight: 700; letter-spacing: .01em; color: var(--text); text-decoration: none; font-size: 1.1rem; }
.grow { flex: 1; }
.who { color: var(--soft); overflow-wrap: anywhere; }
nav { display: flex; flex-wrap: wrap; gap: .125rem .25rem; padding-bottom: .5rem; }
nav a { padding: .35rem .7rem; border-radius: .4rem; text-decoration: none; color: var(--text); }
nav a:hover { background: var(--ground); }
nav a[aria-current] { background: var(--accent); color: var(--accent-text); }
nav + nav { border-top: 1px solid var(--line); padding-top: .4rem; }
main { padding-top: 1.25rem; padding-bottom: 3rem; overflow-wrap: break-word; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: .25rem 0 1rem; overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; line-height: 1.3; margin: 0 0 .75rem; }
h3 { font-size: 1rem; margin: 1rem 0 .5rem; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; padding: 1.1rem 1.25rem; margin: 0 0 1rem; }
.grid { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 17rem), 1fr)); margin-bottom: 1rem; }
.grid > .card { margin: 0; }
.card > :first-child { margin-top: 0; }
.card > :last-child { margin-bottom: 0; }
.card > .hint { margin-bottom: .75rem; }
.narrow { max-width: 30rem; }
.number { margin: 0 0 .5rem; font-size: 1.9rem; font-weight: 650; line-height: 1.2; font-variant-numeric: tabular-nums; }
.soft, .hint, .empty { color: var(--soft); }
.hint { margin: .2rem 0 0; font-size: .9rem; }
.mistake { margin: .25rem 0 0; color: var(--bad); font-weight: 600; }
.notice { border-radius: .5rem; padding: .7rem 1rem; margin: 0 0 1rem; border: 1px solid currentColor; }
.notice.good { color: var(--good); background: var(--good-ground); }
.notice.bad { color: var(--bad); background: var(--bad-ground); }
.notice.warn { color: var(--warn); background: var(--warn-ground); }
.notice.info { color: var(--info); background: var(--info-ground); }
.notice code { color: inherit; }
.state { font-weight: 600; white-space: nowrap; }
.state.good { color: var(--good); } .state.bad { color: var(--bad); } .state.warn { color: var(--warn); }
.field { margin: 0 0 1rem; max-width: 36rem; }
label { display: block; font-weight: 600; margin-bottom: .25rem; }
input, select, textarea {
  width: 100%; font: inherit; color: inherit; background: var(--ground);
  border: 1px solid var(--soft); border-radius: .4rem; padding: .55rem .7rem; min-height: 2.75rem;
}
input[type="date"] { padding-top: .4rem; padding-bottom: .4rem; }
input[type="checkbox"], input[type="radio"] { width: 1.2rem; height: 1.2rem; min-height: 0; vertical-align: -.2rem; margin-right: .4rem; }
fieldset { border: 1px solid var(--line); border-radius: .4rem; margin: 0 0 1rem; padding: .6rem .9rem; }
legend { font-weight: 600; padding: 0 .3rem; }
fieldset label { display: inline-block; font-weight: 400; margin-right: 1rem; }
button, .button {
  font: inherit; font-weight: 600; cursor: pointer; border-radius: .4rem; border: 1px solid var(--accent);
  background: var(--accent); color: var(--accent-text); padding: .5rem 1.1rem; min-height: 2.75rem;
  display: inline-block; text-decoration: none;
}
button.small, .button.small { padding: .15rem .7rem; min-height: 2rem; background: transparent; color: var(--accent); white-space: nowrap; }
button.danger { background: var(--bad); border-color: var(--bad); color: var(--card); }
button.danger.small { background: transparent; color: var(--bad); }
button.link { background: none; border: 0; padding: 0; min-height: 0; color: var(--accent); font-weight: 400; text-decoration: underline; text-underline-offset: .2em; }
form.inline { display: inline-block; margin: 0 .5rem .25rem 0; }
form + :is(.card, table), form:not(.inline) + form.inline { margin-top: .75rem; }
form.row { display: flex; flex-wrap: wrap; gap: .5rem 1rem; align-items: end; margin-bottom: 1rem; }
form.row .field { margin: 0; flex: 1 1 10rem; }
form.row:has(.mistake, .hint) { align-items: start; } form.row:has(.mistake, .hint) > button { margin-top: 1.85rem; }
code, .mono { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "Noto Sans Mono CJK JP", monospace; overflow-wrap: anywhere; }
.secret { font-size: 1.3rem; padding: .6rem .8rem; background: var(--ground); border: 1px dashed var(--soft); border-radius: .4rem; display: block; margin: .5rem 0; overflow-wrap: anywhere; user-select: all; }
.copyable { display: inline-flex; flex-wrap: wrap; gap: .25rem .6rem; align-items: center; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .35rem 1.25rem; margin: 0 0 .75rem; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
table { width: 100%; border-collapse: collapse; background: var(--card); border: 1px solid var(--line); margin: 0 0 1rem; }
th, td { text-align: left; padding: .5rem .75rem; border-bottom: 1px solid var(--line); vertical-align: top; overflow-wrap: anywhere; }
td p { margin: 0 0 .25rem; }
td time { display: inline-block; min-width: 7.6rem; }
.whole { white-space: nowrap; }
th { font-size: .9rem; color: var(--soft); font-weight: 600; white-space: nowrap; }
.numeric { text-align: right; font-variant-numeric: tabular-nums; }
.card table { border-width: 1px 0 0; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
meter { width: 100%; height: .75rem; }
.pager { gap: .25rem 1.5rem; padding: 0; margin: 0 0 1rem; }
.steps { margin: .5rem 0; padding-left: 1.4rem; }
summary .state { white-space: normal; }
pre { background: var(--ground); border: 1px solid var(--line); border-radius: .4rem; padding: .75rem; overflow-x: auto; margin: 0 0 1rem; }
details { margin: 0 0 .75rem; } summary { cursor: pointer; font-weight: 600; padding: .25rem 0; }
@media (min-width: 44rem) { .recipient { display: inline-block; min-width: 12rem; } td .address { display: inline-block; min-width: 10.5rem; } td .short { display: inline-block; min-width: 6.5rem; } }
@media (max-width: 44rem) {
  .bar { padding-top: .4rem; padding-bottom: .4rem; }
  .who { order: 1; flex-basis: 100%; }
  dl { grid-template-columns: 1fr; gap: 0; } dd { margin-bottom: .5rem; }
  table, tbody, tr, td { display: block; width: 100%; }
  thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  table { border: 0; background: none; }
  tr { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; margin-bottom: .75rem; padding: .4rem 0; }
  td, td.numeric { border: 0; padding: .2rem .9rem .2rem 7.9rem; text-align: left; display: flow-root; }
  td::before { content: attr(data-head); float: left; width: 6.5rem; margin-left: -7rem; font-size: .8rem; line-height: 2; color: var(--soft); }
  td:empty { display: none; }
}
@media (prefers-reduced-motion: no-preference) { button, nav a { transition: background-color .12s; } }
@media print { header, form, button { display: none; } body { background: none; } }
`.trimStart();
