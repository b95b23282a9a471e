// Copyright (c) 2026 Euystacio Meta Salvage contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later
// What is wrong with the page at the width that it has now, as sentences.
() => {
  const wrong = [];
  const said = node => JSON.stringify(node.textContent.trim().slice(0, 60));
  const root = document.documentElement;
  if (root.scrollWidth > innerWidth) wrong.push(`the page is ${root.scrollWidth} px wide in a window of ${innerWidth} px`);
  const style = new Map();
  const styleOf = one => style.get(one) || style.set(one, getComputedStyle(one)).get(one);
  const scrolls = one => {
    for (; one; one = one.parentElement) if (["auto", "scroll"].includes(styleOf(one).overflowX) && one !== root) return one;
  };
  const range = document.createRange();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const parent = node.parentElement;
    if (!node.textContent.trim() || parent.closest("script, style, title, [hidden]")) continue;
    range.selectNodeContents(node);
    const rects = [...range.getClientRects()].filter(rect => rect.width && rect.height);
    if (!rects.length) continue;
    const drawing = parent.closest("svg");
    const scale = drawing ? parent.getScreenCTM().a : 1;
    const size = parseFloat(styleOf(parent).fontSize) * scale;
    if (size < 11) wrong.push(`${size.toFixed(1)} px is the size of ${said(node)}`);
    // Text belongs into the box that it stands in: the drawing, or the nearest block.
    let box = drawing || parent;
    while (!drawing && styleOf(box).display.startsWith("inline") && styleOf(box).display !== "inline-flex") box = box.parentElement;
    const place = box.getBoundingClientRect();
    const hanging = styleOf(parent).whiteSpace.startsWith("pre") ? size : 1; // a space at the end of a line
    for (const rect of rects) {
      if (rect.left < place.left - hanging || rect.right > place.right + hanging || rect.bottom > place.bottom + 1 || rect.top < place.top - 1) {
        wrong.push(`${said(node)} leaves its ${box.tagName} by ${Math.max(rect.right - place.right, place.left - rect.left).toFixed(0)} px`);
        break;
      }
      const scroller = scrolls(parent);
      if (!scroller && (rect.left < -1 || rect.right > innerWidth + 1)) { wrong.push(`${said(node)} is outside of the window`); break; }
      if (scroller && scroller.scrollWidth > scroller.clientWidth && scroller.tabIndex < 0) {
        wrong.push(`${said(node)} is scrolled to, and no key does it`);
        break;
      }
    }
  }
  for (const one of document.body.querySelectorAll("*")) {
    if (["hidden", "clip"].includes(styleOf(one).overflowX) && one.scrollWidth > one.clientWidth + 1 && one.clientWidth && !one.closest("svg")) {
      wrong.push(`${one.tagName} cuts ${said(one)} off`);
    }
  }
  return wrong.slice(0, 20);
}
