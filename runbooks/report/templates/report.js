"use strict";
// The page is whole without this: it copies, filters, and unfolds what a link leads to.
const make = (tag, set) => Object.assign(document.createElement(tag), set);

const unfold = (hash) => {
  const target = document.getElementById(hash.slice(1));
  for (let one = target; one; one = one.parentElement) if (one.tagName === "DETAILS") one.open = true;
  return target;
};
document.addEventListener("click", ({ target }) => unfold(target.closest('a[href^="#"]')?.hash ?? ""));
unfold(location.hash)?.scrollIntoView();

for (const text of document.querySelectorAll(".commands code, pre.shell, pre.whole")) {
  const words = text.textContent;
  const button = make("button", { type: "button", className: "copy", textContent: "Copy", ariaLive: "polite" });
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(words);
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(text);
      button.textContent = "Selected";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  });
  text.closest("pre").prepend(button);
}

for (const [place, rows] of [["[aria-labelledby=step-timeline] .scroll", "tbody tr"], ["#evidence .looks", ".look"]]) {
  const list = document.querySelector(place);
  const found = list ? [...list.querySelectorAll(rows)] : [];
  if (found.length < 2) continue;
  const bar = make("p", { className: "filter" }), label = make("label", { textContent: "Filter " });
  const input = make("input", { type: "search" }), shown = make("output");
  input.addEventListener("input", () => {
    const words = input.value.toLowerCase().split(/\s+/);
    for (const row of found) row.hidden = !words.every((word) => row.textContent.toLowerCase().includes(word));
    shown.textContent = `${found.filter((row) => !row.hidden).length} of ${found.length}`;
  });
  label.append(input);
  bar.append(label, " ", shown);
  list.before(bar);
}
