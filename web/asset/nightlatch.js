// Nightlatch: what makes the pages handier. Every page works without it.
"use strict";

// say puts words where screen readers hear them and everyone sees them. The layout has one such place.
let hush, offered; // a timer; what ends the offer of a passkey
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
	const {value, textContent} = document.getElementById(id);
	return value === undefined ? textContent : value.replaceAll(" ", "");
}

// copyByHand serves pages that are not served safely, where browsers offer no clipboard.
function copyByHand(text) {
	const area = document.createElement("textarea");
	Object.assign(area, {value: text, readOnly: true});
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
	Object.assign(button, {type: "button", className: "show"});
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
	form.addEventListener("submit", (event) => {
		offered?.abort();
		setTimeout(() => {
			if (event.defaultPrevented) return;
			for (const button of form.querySelectorAll("button[type=submit]")) button.disabled = true;
		}, 0);
	});
}
addEventListener("pageshow", () => {
	for (const button of document.querySelectorAll("button[type=submit]")) button.disabled = false;
	for (const said of document.querySelectorAll("[name=credential]")) said.value = "";
});

// Times of day come in UTC; the reader's own clock is handier. Our English writes 22 November, as the pages do.
const tongue = document.documentElement.lang;
const local = new Intl.DateTimeFormat(tongue === "en" ? "en-GB" : tongue, {dateStyle: "long", timeStyle: "short"});
for (const time of document.querySelectorAll("time[datetime*=T]")) time.textContent = local.format(new Date(time.dateTime));

// Who waits for a code is told when the next one may be asked for.
const seconds = new Intl.NumberFormat(tongue, {style: "unit", unit: "second", unitDisplay: "long"});
for (const place of document.querySelectorAll("[data-wait]")) {
	const button = place.closest("form").querySelector("button");
	const ready = Date.now() + place.dataset.wait * 1000;
	const tick = () => {
		const left = Math.ceil((ready - Date.now()) / 1000);
		place.textContent = place.dataset.words.replace("%s", seconds.format(left));
		[place.hidden, button.disabled] = [left <= 0, left > 0];
		if (left > 0) setTimeout(tick, 250);
	};
	tick();
}

// Keys and passkeys (WebAuthn Level 3 §5.1). Older browsers do not know the JSON forms, nor do some password managers.
const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
const encode = (buffer) =>
	btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=/g, "");

function optionsOf(json, create) {
	const parse = PublicKeyCredential[create ? "parseCreationOptionsFromJSON" : "parseRequestOptionsFromJSON"];
	if (parse) return parse.call(PublicKeyCredential, json);
	const options = {...json, challenge: bytes(json.challenge)};
	if (create) options.user = {...json.user, id: bytes(json.user.id)};
	for (const list of ["allowCredentials", "excludeCredentials"]) {
		if (json[list]) options[list] = json[list].map((c) => ({...c, id: bytes(c.id)}));
	}
	return options;
}

function jsonOf(credential) {
	try {
		return JSON.stringify(credential.toJSON());
	} catch {
		const {id, type, rawId, response, authenticatorAttachment} = credential;
		const json = {id, type, rawId: encode(rawId), authenticatorAttachment, response: {}};
		json.response.transports = response.getTransports?.();
		json.clientExtensionResults = credential.getClientExtensionResults();
		for (const part of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
			if (response[part]) json.response[part] = encode(response[part]);
		}
		return JSON.stringify(json);
	}
}

// ask asks for the key of a form and sends what it says. Nothing may wait before it: the click must be fresh.
async function ask(form, more) {
	if (!window.PublicKeyCredential) throw {name: isSecureContext ? "unsupported" : "insecure"};
	const act = "create" in form.dataset ? "create" : "get";
	const publicKey = optionsOf(JSON.parse(form.dataset.publicKey), act === "create");
	form.elements.credential.value = jsonOf(await navigator.credentials[act]({publicKey, ...more}));
	if (form.elements.stay) form.elements.stay.value = document.getElementById("stay").checked ? "true" : "";
	form.submit();
}

// Passkeys are offered in the name field, too, until a form is sent. That waits for a first move: who only passes by
// is not signed in by a password manager that answers by itself.
async function offer(form) {
	const {signal} = offered = new AbortController();
	if (!await window.PublicKeyCredential?.isConditionalMediationAvailable?.() || signal.aborted) return;
	ask(form, {mediation: "conditional", signal}).catch(() => {});
}

function warn(words) {
	document.getElementById("alert")?.remove();
	const alert = Object.assign(document.createElement("p"), {id: "alert", role: "alert", className: "message bad", textContent: words});
	document.querySelector("[role=status]").after(alert);
	alert.scrollIntoView({block: "nearest"});
	document.getElementById("others")?.removeAttribute("hidden");
}

for (const form of document.querySelectorAll("form[data-public-key]")) {
	const [button, words] = [form.querySelector("button[type=submit]"), JSON.parse(form.dataset.words)];
	form.hidden = false;
	form.addEventListener("submit", (event) => {
		event.preventDefault();
		if (form.elements.credential.value) return; // it is on its way
		button.disabled = true;
		ask(form).catch((fault) => {
			button.disabled = false;
			warn(words[fault.name] || words[""]);
			if ("conditional" in form.dataset) offer(form);
		});
	});
	for (const move of "conditional" in form.dataset ? ["pointermove", "pointerdown", "keydown"] : []) {
		addEventListener(move, () => offered || offer(form), {once: true});
	}
}

// The browser is told which passkeys there are still, and what their owner is called now.
const told = document.querySelector("[data-signals]");
for (const name of told ? ["signalAllAcceptedCredentials", "signalCurrentUserDetails"] : []) {
	window.PublicKeyCredential?.[name]?.(JSON.parse(told.dataset.signals)).catch(() => {});
}
