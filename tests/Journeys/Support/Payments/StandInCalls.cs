using System.Text.Json.Nodes;

namespace ControlPlane.Tests.Support.Payments;

// The calls of the API.
sealed partial class StandInState
{
    static readonly string[] CustomerParameters = ["email", "name", "address[", "preferred_locales[", "metadata[", "invoice_settings[default_payment_method]", "expand["];

    public StandInAnswer Call(string method, string path, IReadOnlyDictionary<string, string> parameters) => Locked(() =>
    {
        var parts = path.Split('/');
        return (method, parts) switch
        {
            ("POST", ["customers"]) => Known(parameters, CustomerParameters) ?? SaveCustomer(new StandInCustomer(NewId("cus")), parameters),
            ("GET", ["customers", var id]) => _customers.TryGetValue(id, out var customer) ? Ok(customer.Json(Expands(parameters, "invoice_settings.default_payment_method"))) : Missing("customer", id),
            ("POST", ["customers", var id]) => Known(parameters, CustomerParameters) ?? (_customers.TryGetValue(id, out var customer) ? SaveCustomer(customer, parameters) : Missing("customer", id)),
            ("POST", ["checkout", "sessions"]) => CreateSession(parameters),
            ("GET", ["checkout", "sessions", var id]) => _sessions.TryGetValue(id, out var session) ? Ok(session.Json(address, Expands(parameters, "setup_intent.payment_method"))) : Missing("session", id),
            ("POST", ["billing_portal", "sessions"]) => CreatePortal(parameters),
            ("GET", ["payment_methods", var id]) => _methods.TryGetValue(id, out var saved) ? Ok(saved.Json()) : Missing("payment_method", id),
            ("POST", ["payment_intents"]) => CreateIntent(parameters),
            ("GET", ["payment_intents"]) => List(parameters),
            ("GET", ["payment_intents", var id]) => _intents.TryGetValue(id, out var intent) ? Answer(intent, parameters) : Missing("intent", id),
            ("POST", ["payment_intents", var id]) => Known(parameters, "amount") ?? WithIntent(id, intent => Update(intent, parameters)),
            ("POST", ["payment_intents", var id, "confirm"]) => Known(parameters, "payment_method", "off_session", "return_url", "expand[") ?? WithIntent(id, intent => Confirm(intent, parameters)),
            ("POST", ["payment_intents", var id, "cancel"]) => Known(parameters, "cancellation_reason") ?? WithIntent(id, Cancel),
            ("GET", ["refunds"]) => Ok(Page(_refunds.Values.Where(refund => refund.Intent == parameters["payment_intent"]).Reverse().Select(refund => refund.Json()), hasMore: false)),
            ("POST", ["refunds"]) => Refund(parameters),
            ("GET", ["refunds", var id]) => _refunds.TryGetValue(id, out var refund) ? Ok(refund.Json(Expanded(parameters, refund.Intent))) : Missing("refund", id),
            ("GET", ["disputes", var id]) => _disputes.TryGetValue(id, out var dispute) ? Ok(dispute.Json(Expanded(parameters, dispute.Intent))) : Missing("dispute", id),
            _ => StandInAnswer.Error(404, "invalid_request_error", null, $"Unrecognized request URL ({method}: /v1/{path})."),
        };
    });

    StandInAnswer SaveCustomer(StandInCustomer customer, IReadOnlyDictionary<string, string> parameters)
    {
        if (parameters.GetValueOrDefault("invoice_settings[default_payment_method]") is { } methodId)
        {
            if (!_methods.TryGetValue(methodId, out var method) || method.Customer != customer.Id)
            {
                return Missing("payment_method", methodId);
            }

            customer.Default = method;
        }

        foreach (var (name, value) in parameters)
        {
            customer.Fields[name] = value;
        }

        if (!_customers.TryAdd(customer.Id, customer))
        {
            Emit("customer.updated", customer.Json(expands: false));
        }

        return Ok(customer.Json(expands: false));
    }

    StandInAnswer CreateSession(IReadOnlyDictionary<string, string> parameters)
    {
        if (Known(parameters, "mode", "currency", "customer", "success_url", "cancel_url", "client_reference_id", "locale", "setup_intent_data[metadata][") is { } unknown)
        {
            return unknown;
        }

        if (parameters["mode"] != "setup" || !parameters.ContainsKey("currency"))
        {
            return StandInAnswer.Error(400, "invalid_request_error", "parameter_missing", "currency is required in setup mode", "currency");
        }

        var session = new StandInSession(NewId("cs_test"), parameters["customer"], parameters["success_url"]);
        _sessions.Add(session.Id, session);
        return Ok(session.Json(address, expands: false));
    }

    StandInAnswer CreatePortal(IReadOnlyDictionary<string, string> parameters)
    {
        if (Known(parameters, "customer", "return_url", "locale", "flow_data[type]") is { } unknown)
        {
            return unknown;
        }

        var id = NewId("bps");
        _portals.Add(id, parameters["return_url"]);
        return Ok(new JsonObject { ["id"] = id, ["object"] = "billing_portal.session", ["url"] = $"{address}/pages/portal/{id}" });
    }

    StandInAnswer CreateIntent(IReadOnlyDictionary<string, string> parameters)
    {
        if (Known(parameters, "amount", "currency", "customer", "description", "metadata[", "automatic_payment_methods[enabled]") is { } unknown)
        {
            return unknown;
        }

        var amount = long.Parse(parameters["amount"], System.Globalization.CultureInfo.InvariantCulture);
        if (amount < 50)
        {
            return StandInAnswer.Error(400, "invalid_request_error", "amount_too_small", "Amount must be at least €0.50 eur", "amount");
        }

        if (!_customers.ContainsKey(parameters["customer"]))
        {
            return Missing("customer", parameters["customer"]);
        }

        var intent = new StandInIntent(NewId("pi"), amount, parameters["customer"], Now, Metadata(parameters));
        _intents.Add(intent.Id, intent);
        Emit("payment_intent.created", intent.Json(address, expands: false));
        return Answer(intent, parameters);
    }

    StandInAnswer Update(StandInIntent intent, IReadOnlyDictionary<string, string> parameters)
    {
        if (intent.Status is "succeeded" or "canceled" or "processing")
        {
            return Unexpected(intent);
        }

        intent.Amount = long.Parse(parameters["amount"], System.Globalization.CultureInfo.InvariantCulture);
        return Answer(intent, parameters);
    }

    StandInAnswer Confirm(StandInIntent intent, IReadOnlyDictionary<string, string> parameters)
    {
        if (intent.Status is "succeeded" or "canceled" or "processing")
        {
            return Unexpected(intent);
        }

        if (!_methods.TryGetValue(parameters["payment_method"], out var method) || method.Customer != intent.Customer)
        {
            return StandInAnswer.Error(400, "invalid_request_error", "resource_missing", $"No such PaymentMethod: '{parameters["payment_method"]}'", "payment_method");
        }

        intent.ReturnUrl = parameters["return_url"];
        switch (method.Outcome)
        {
            case Outcome.Success:
                Finish(intent, method, succeeds: true, "");
                return Answer(intent, parameters);
            case Outcome.Debit:
                intent.Charge = new StandInCharge(NewId("py"), intent.Amount, Now);
                _charges.Add(intent.Charge);
                (intent.Status, intent.Method, intent.Error) = ("processing", method, null);
                Emit("payment_intent.processing", intent.Json(address, expands: false));
                return Answer(intent, parameters);
            case Outcome.Authentication when parameters.GetValueOrDefault("off_session") != "true":
                (intent.Status, intent.Method, intent.Error) = ("requires_action", method, null);
                Emit("payment_intent.requires_action", intent.Json(address, expands: false));
                return Answer(intent, parameters);
            default:
                Finish(intent, method, succeeds: false, method.DeclineCode);
                var error = CardError(method.DeclineCode);
                return StandInAnswer.Error(
                    402, "card_error", (string?)error["code"], (string)error["message"]!, declineCode: method.DeclineCode, intent: intent.Json(address, expands: false));
        }
    }

    StandInAnswer Cancel(StandInIntent intent)
    {
        if (intent.Status is "succeeded" or "canceled" or "processing")
        {
            return Unexpected(intent);
        }

        intent.Status = "canceled";
        Emit("payment_intent.canceled", intent.Json(address, expands: false));
        return Ok(intent.Json(address, expands: false));
    }

    StandInAnswer Refund(IReadOnlyDictionary<string, string> parameters)
    {
        if (Known(parameters, "payment_intent", "amount", "metadata[") is { } unknown)
        {
            return unknown;
        }

        var intent = _intents[parameters["payment_intent"]];
        var amount = long.Parse(parameters["amount"], System.Globalization.CultureInfo.InvariantCulture);
        if (intent.Status != "succeeded" || amount > intent.Amount - _refunds.Values.Where(made => made.Intent == intent.Id).Sum(made => made.Amount))
        {
            return StandInAnswer.Error(400, "invalid_request_error", "charge_already_refunded", "Refund amount is greater than unrefunded amount on charge", "amount");
        }

        var refund = new StandInRefund(NewId("re"), intent.Id, amount, Metadata(parameters), Now);
        _refunds.Add(refund.Id, refund);
        Emit("refund.created", refund.Json());
        return Ok(refund.Json());
    }

    StandInAnswer List(IReadOnlyDictionary<string, string> parameters)
    {
        var since = long.Parse(parameters.GetValueOrDefault("created[gte]") ?? "0", System.Globalization.CultureInfo.InvariantCulture);
        var newestFirst = _intents.Values.Where(intent => intent.Created.ToUnixTimeSeconds() >= since).Reverse().ToList();
        var skipped = parameters.GetValueOrDefault("starting_after") is { } after ? newestFirst.FindIndex(intent => intent.Id == after) + 1 : 0;
        var limit = int.Parse(parameters["limit"], System.Globalization.CultureInfo.InvariantCulture);
        return Ok(Page(newestFirst.Skip(skipped).Take(limit).Select(intent => intent.Json(address, Expands(parameters, "data.latest_charge"))), newestFirst.Count > skipped + limit));
    }

    StandInAnswer Answer(StandInIntent intent, IReadOnlyDictionary<string, string> parameters) => Ok(intent.Json(address, Expands(parameters, "latest_charge")));

    StandInAnswer Unexpected(StandInIntent intent) => StandInAnswer.Error(
        400, "invalid_request_error", "payment_intent_unexpected_state", $"This PaymentIntent has a status of {intent.Status}.", intent: intent.Json(address, expands: false));

    StandInAnswer WithIntent(string id, Func<StandInIntent, StandInAnswer> action) => _intents.TryGetValue(id, out var intent) ? action(intent) : Missing("intent", id);

    /// <returns>The answer to a parameter that is none of these, or starts with none of those that end in a bracket.</returns>
    static StandInAnswer? Known(IReadOnlyDictionary<string, string> parameters, params string[] names) =>
        parameters.Keys.FirstOrDefault(given => !names.Any(name => name[^1] == '[' ? given.StartsWith(name, StringComparison.Ordinal) : given == name)) is { } unknown
            ? StandInAnswer.Error(400, "invalid_request_error", "parameter_unknown", $"Received unknown parameter: {unknown}", unknown)
            : null;

    static bool Expands(IReadOnlyDictionary<string, string> parameters, string path) =>
        parameters.Any(parameter => parameter.Key.StartsWith("expand", StringComparison.Ordinal) && parameter.Value == path);

    JsonObject? Expanded(IReadOnlyDictionary<string, string> parameters, string intentId) =>
        Expands(parameters, "payment_intent") ? _intents[intentId].Json(address, expands: false) : null;

    static Dictionary<string, string> Metadata(IReadOnlyDictionary<string, string> parameters) =>
        parameters.Where(parameter => parameter.Key.StartsWith("metadata[", StringComparison.Ordinal)).ToDictionary(parameter => parameter.Key[9..^1], parameter => parameter.Value);

    static StandInAnswer Ok(JsonNode body) => StandInAnswer.Ok(body);

    static StandInAnswer Missing(string param, string id) => StandInAnswer.Error(404, "invalid_request_error", "resource_missing", $"No such {param}: '{id}'", param);

    static JsonObject Page(IEnumerable<JsonObject> objects, bool hasMore) => new() { ["object"] = "list", ["data"] = new JsonArray([.. objects]), ["has_more"] = hasMore };
}
