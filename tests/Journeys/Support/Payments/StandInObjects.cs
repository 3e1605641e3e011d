using System.Text.Json.Nodes;

namespace ControlPlane.Tests.Support.Payments;

/// <summary>What confirming a payment with a saved method leads to.</summary>
enum Outcome
{
    Success,
    Decline,
    /// <summary>Declined without the customer; a page of the bank with them.</summary>
    Authentication,
    /// <summary>A bank debit: under way until the test settles it.</summary>
    Debit,
}

sealed class StandInMethod(string id, string customer)
{
    public string Id { get; } = id;
    public string? Customer { get; set; } = customer;
    public Outcome Outcome { get; set; }
    /// <summary>Of <see cref="Outcome.Decline"/>.</summary>
    public string DeclineCode { get; set; } = "generic_decline";
    /// <summary>Declined before the bank is asked: there is no charge.</summary>
    public bool IsBlocked { get; set; }

    public JsonObject Json() => Outcome == Outcome.Debit
        ? new() { ["id"] = Id, ["object"] = "payment_method", ["type"] = "sepa_debit", ["customer"] = Customer, ["sepa_debit"] = new JsonObject { ["country"] = "DE", ["last4"] = "3000" } }
        : new() { ["id"] = Id, ["object"] = "payment_method", ["type"] = "card", ["customer"] = Customer, ["card"] = new JsonObject { ["brand"] = "visa", ["last4"] = "4242", ["exp_month"] = 12, ["exp_year"] = 2032 } };
}

sealed class StandInCustomer(string id)
{
    public string Id { get; } = id;
    public Dictionary<string, string> Fields { get; } = [];
    public StandInMethod? Default { get; set; }

    public JsonObject Json(bool expands) => new()
    {
        ["id"] = Id,
        ["object"] = "customer",
        ["email"] = Fields.GetValueOrDefault("email"),
        ["name"] = Fields.GetValueOrDefault("name"),
        ["invoice_settings"] = new JsonObject { ["default_payment_method"] = Default is null ? null : expands ? Default.Json() : Default.Id },
    };
}

sealed class StandInSession(string id, string customer, string success)
{
    public string Id { get; } = id;
    public string Customer { get; } = customer;
    public string Success { get; } = success;
    public StandInMethod? Method { get; set; }

    public JsonObject Json(string address, bool expands) => new()
    {
        ["id"] = Id,
        ["object"] = "checkout.session",
        ["mode"] = "setup",
        ["customer"] = Customer,
        ["status"] = Method is null ? "open" : "complete",
        ["url"] = $"{address}/pages/checkout/{Id}",
        ["setup_intent"] = !expands ? $"seti_{Id}" : new JsonObject
        {
            ["id"] = $"seti_{Id}",
            ["object"] = "setup_intent",
            ["status"] = Method is null ? "requires_payment_method" : "succeeded",
            ["payment_method"] = Method?.Json(),
        },
    };
}

sealed class StandInIntent(string id, long amount, string customer, DateTimeOffset created, Dictionary<string, string> metadata)
{
    public string Id { get; } = id;
    public long Amount { get; set; } = amount;
    public string Customer { get; } = customer;
    public DateTimeOffset Created { get; } = created;
    public Dictionary<string, string> Metadata { get; } = metadata;
    public string Status { get; set; } = "requires_payment_method";
    public StandInCharge? Charge { get; set; }
    public JsonObject? Error { get; set; }
    public StandInMethod? Method { get; set; }
    public string? ReturnUrl { get; set; }

    public JsonObject Json(string address, bool expands) => new()
    {
        ["id"] = Id,
        ["object"] = "payment_intent",
        ["amount"] = Amount,
        ["currency"] = "eur",
        ["customer"] = Customer,
        ["created"] = Created.ToUnixTimeSeconds(),
        ["status"] = Status,
        ["livemode"] = false,
        ["payment_method"] = Method?.Id,
        ["last_payment_error"] = Error?.DeepClone(),
        ["latest_charge"] = Charge is null ? null : expands ? Charge.Json(Id) : Charge.Id,
        ["metadata"] = new JsonObject(Metadata.Select(entry => KeyValuePair.Create<string, JsonNode?>(entry.Key, entry.Value))),
        ["next_action"] = Status != "requires_action" ? null : new JsonObject
        {
            ["type"] = "redirect_to_url",
            ["redirect_to_url"] = new JsonObject { ["url"] = $"{address}/pages/bank/{Id}", ["return_url"] = ReturnUrl },
        },
    };
}

sealed record StandInCharge(string Id, long Amount, DateTimeOffset At)
{
    public bool Succeeded { get; set; }

    public JsonObject Json(string intent) => new()
    {
        ["id"] = Id,
        ["object"] = "charge",
        ["amount"] = Amount,
        ["currency"] = "eur",
        ["created"] = At.ToUnixTimeSeconds(),
        ["payment_intent"] = intent,
        ["status"] = Succeeded ? "succeeded" : "failed",
    };
}

sealed record StandInRefund(string Id, string Intent, long Amount, Dictionary<string, string> Metadata, DateTimeOffset At)
{
    public string Status { get; set; } = "succeeded";

    /// <param name="intent">The intent itself, where it is expanded.</param>
    public JsonObject Json(JsonNode? intent = null) => new()
    {
        ["id"] = Id,
        ["object"] = "refund",
        ["payment_intent"] = intent ?? Intent,
        ["amount"] = Amount,
        ["currency"] = "eur",
        ["status"] = Status,
        ["created"] = At.ToUnixTimeSeconds(),
        ["metadata"] = new JsonObject(Metadata.Select(entry => KeyValuePair.Create<string, JsonNode?>(entry.Key, entry.Value))),
    };
}

sealed record StandInDispute(string Id, string Intent, long Amount, DateTimeOffset At)
{
    public string Status { get; set; } = "needs_response";

    /// <param name="intent">The intent itself, where it is expanded.</param>
    public JsonObject Json(JsonNode? intent = null) => new()
    {
        ["id"] = Id,
        ["object"] = "dispute",
        ["payment_intent"] = intent ?? Intent,
        ["amount"] = Amount,
        ["currency"] = "eur",
        ["status"] = Status,
        ["reason"] = "fraudulent",
        ["created"] = At.ToUnixTimeSeconds(),
    };
}
