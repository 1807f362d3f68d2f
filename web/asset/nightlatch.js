// Nightlatch: what makes the pages handier. Every page works without it.
"use strict";

// say puts words where screen readers hear them and everyone sees them. The layout has one such place.
let hush;
function say(words) {
	const place = document.querySelector("[role=status]");
	place.textContent = "";
	place.classList.add("toast");
	clearTimeout(hush);
	// A moment later, so that the same words are announced a second time too.
	hush = setTimeout(() => {
		place.textContent = words;
		hush = setTimeout(() => {
			place.textContent = "";
			place.classList.remove("toast");
		}, 6000);
	}, 50);
}

// textOf is the text that a button is about: a secret without its spaces, or codes line by line.
function textOf(id) {
	const element = document.getElementById(id);
	return element.value === undefined ? element.textContent : element.value.replaceAll(" ", "");
}

// copyByHand serves pages that are not served safely, where browsers offer no clipboard.
function copyByHand(text) {
	const area = document.createElement("textarea");
	area.value = text;
	area.readOnly = true;
	document.body.append(area);
	area.select();
	const done = document.execCommand("copy");
	area.remove();
	if (!done) throw new Error("copying is not allowed");
}

async function copy(event) {
	const button = event.currentTarget;
	const text = textOf(button.dataset.copy);
	try {
		if (navigator.clipboard) await navigator.clipboard.writeText(text).catch(() => copyByHand(text));
		else copyByHand(text);
		button.focus();
		say(button.dataset.said);
	} catch {
		say(button.dataset.failed);
	}
}

function download(event) {
	const button = event.currentTarget;
	const link = document.createElement("a");
	const head = [...document.querySelectorAll("h1, h1 ~ p")].map((e) => e.textContent.trim());
	const text = [location.host, ...head, "", textOf(button.dataset.download), ""].join("\n");
	link.href = URL.createObjectURL(new Blob([text], {type: "text/plain"}));
	link.download = button.dataset.file;
	link.click();
	setTimeout(() => URL.revokeObjectURL(link.href), 1000);
	say(button.dataset.said);
}

// Buttons that only a script can serve stand hidden in the page until now.
for (const [selector, act] of [["[data-copy]", copy], ["[data-download]", download], ["[data-print]", () => print()]]) {
	for (const button of document.querySelectorAll(selector)) {
		button.addEventListener("click", act);
		button.hidden = false;
	}
}

// A button beside each password shows it, until the form is sent.
for (const input of document.querySelectorAll("input[data-show]")) {
	const button = document.createElement("button");
	button.type = "button";
	button.className = "show";
	button.setAttribute("aria-controls", input.id);
	const show = (visible) => {
		input.type = visible ? "text" : "password";
		button.textContent = visible ? input.dataset.hide : input.dataset.show;
	};
	show(false);
	button.addEventListener("click", () => show(input.type === "password"));
	input.form.addEventListener("submit", () => show(false));
	input.before(button);
}

// A form is sent once. Buttons rest after the browser has read the form, and wake when the page comes back.
for (const form of document.forms) {
	form.addEventListener("submit", () => {
		setTimeout(() => {
			for (const button of form.querySelectorAll("button[type=submit]")) button.disabled = true;
		}, 0);
	});
}
addEventListener("pageshow", () => {
	for (const button of document.querySelectorAll("button[type=submit]")) button.disabled = false;
});

// Times of day come in UTC; the reader's own clock is handier. Days alone stay as they are. Our English writes
// days as the rest of the page does: 22 November.
const tongue = document.documentElement.lang;
const local = new Intl.DateTimeFormat(tongue === "en" ? "en-GB" : tongue, {dateStyle: "long", timeStyle: "short"});
for (const time of document.querySelectorAll("time[datetime*=T]")) time.textContent = local.format(new Date(time.dateTime));
