-- HAProxy asks Nightlatch before each request to an application: it knows no such thing by itself.
-- Usage: http-request lua.nightlatch http://127.0.0.1:8080

local sent = { "remote-user", "remote-email", "remote-groups", "remote-name", "remote-level", "remote-proofs", "remote-assertion" }

core.register_action("nightlatch", { "http-req" }, function(txn, origin)
	local asked = txn.http:req_get_headers()
	local function all(name)
		local values = {}
		for _, v in pairs(asked[name] or {}) do values[#values + 1] = v end
		return values
	end
	local headers = {
		["x-forwarded-method"] = { txn.f:method() },
		["x-forwarded-proto"] = { txn.f:ssl_fc() == 1 and "https" or "http" },
		["x-forwarded-host"] = all("host"),
		["x-forwarded-uri"] = { txn.f:pathq() },
		["x-forwarded-for"] = { txn.f:src() },
	}
	for _, name in ipairs({ "cookie", "accept", "accept-language", "sec-fetch-mode", "sec-fetch-dest", "upgrade", "x-requested-with" }) do
		local values = all(name)
		if #values > 0 then headers[name] = values end
	end
	txn:set_var("req.nightlatch_status", 503)
	local answer = core.httpclient():get({ url = origin .. "/forward-auth?redirect=true", headers = headers, timeout = 5000 })
	if not answer or not answer.status or answer.status == 0 then return end
	txn:set_var("req.nightlatch_status", answer.status)
	local function first(name)
		local values = answer.headers and answer.headers[name]
		return values and values[0] or ""
	end
	txn:set_var("req.nightlatch_location", first("location"))
	for _, name in ipairs(sent) do
		txn.http:req_set_header(name, first(name))
	end
end, 1)
