using System.Globalization;
using System.Text.Json.Nodes;

namespace ControlPlane.Tests.Support.Payments;

/// <summary>The objects of a <see cref="StripeStandIn"/>, its calls, and what a test does in the place of customers and banks.</summary>
sealed partial class StandInState(DateTimeOffset now, string address)
{
    readonly Lock _lock = new();
    readonly Dictionary<string, StandInCustomer> _customers = [];
    readonly Dictionary<string, StandInMethod> _methods = [];
    readonly Dictionary<string, StandInSession> _sessions = [];
    readonly Dictionary<string, string> _portals = [];
    readonly Dictionary<string, StandInIntent> _intents = [];
    readonly Dictionary<string, StandInRefund> _refunds = [];
    readonly Dictionary<string, StandInDispute> _disputes = [];
    readonly List<StandInCharge> _charges = [];
    int _ids;

    /// <summary>Its clock.</summary>
    public DateTimeOffset Now { get; private set; } = now;

    public IReadOnlyList<StandInIntent> Intents => Locked(() => _intents.Values.ToList());

    public IReadOnlyList<StandInRefund> Refunds => Locked(() => _refunds.Values.ToList());

    /// <summary>Every successful movement of money from a customer, in euros.</summary>
    public IReadOnlyList<decimal> Taken => Locked(() => _charges.Where(charge => charge.Succeeded).Select(charge => charge.Amount / 100m).ToList());

    public int Tries => Locked(() => _charges.Count);

    /// <summary>The invoice that a payment is for.</summary>
    public Guid InvoiceOf(string intentId) => Locked(() => Guid.Parse(_intents[intentId].Metadata["invoice"]));

    public void Advance(TimeSpan by) => Locked(() => Now += by);

    /// <summary>Saves a method as the customer's default one, as the pages do.</summary>
    /// <param name="kind"><c>visa</c>, <c>sepa</c>, <c>3ds</c>, or the code of a decline.</param>
    public StandInMethod Save(string customer, string kind) => Locked(() =>
    {
        var method = CreateMethod(customer, kind);
        _customers[customer].Default = method;
        Emit("customer.updated", _customers[customer].Json(expands: false));
        return method;
    });

    public StandInMethod? DefaultOf(string customer) => Locked(() => _customers[customer].Default);

    /// <summary>What the method does from now on.</summary>
    public void Change(StandInMethod method, string kind) => Locked(() =>
    {
        (method.Outcome, method.DeclineCode) = kind switch
        {
            "visa" => (Outcome.Success, ""),
            "sepa" => (Outcome.Debit, ""),
            "3ds" => (Outcome.Authentication, "authentication_required"),
            _ => (Outcome.Decline, kind),
        };
        method.IsBlocked = kind == "card_velocity_exceeded";
        return method;
    });

    public void Detach(StandInMethod method) => Locked(() =>
    {
        var customer = _customers[method.Customer!];
        customer.Default = customer.Default == method ? null : customer.Default;
        Emit("payment_method.detached", method.Json(), new JsonObject { ["customer"] = method.Customer });
        method.Customer = null;
        return 0;
    });

    /// <summary>Ends a bank debit.</summary>
    public void Settle(string intentId, bool succeeds) => Locked(() =>
    {
        var intent = _intents[intentId];
        Finish(intent, intent.Method!, succeeds, "payment_intent_payment_attempt_failed");
        return 0;
    });

    public StandInDispute Dispute(string intentId, string status = "needs_response") => Locked(() =>
    {
        var dispute = new StandInDispute(NewId("du"), intentId, _intents[intentId].Amount, Now) { Status = status };
        _disputes.Add(dispute.Id, dispute);
        Emit("charge.dispute.created", dispute.Json());
        return dispute;
    });

    public void Close(StandInDispute dispute, string status) => Locked(() =>
    {
        dispute.Status = status;
        Emit("charge.dispute.closed", dispute.Json());
        return 0;
    });

    /// <returns>Where the page sends the customer.</returns>
    public string CompleteSession(string id, string kind) => Locked(() =>
    {
        var session = _sessions[id];
        session.Method ??= CreateMethod(session.Customer, kind);
        Emit("checkout.session.completed", session.Json(address, expands: false));
        return session.Success.Replace("{CHECKOUT_SESSION_ID}", id, StringComparison.Ordinal);
    });

    /// <returns>Where the bank sends the customer.</returns>
    public string ConfirmAtBank(string intentId, bool confirmed) => Locked(() =>
    {
        var intent = _intents[intentId];
        if (intent.Status == "requires_action")
        {
            Finish(intent, intent.Method!, confirmed, "payment_intent_authentication_failure");
        }

        return $"{intent.ReturnUrl}{(intent.ReturnUrl!.Contains('?', StringComparison.Ordinal) ? '&' : '?')}payment_intent={intentId}&redirect_status={(confirmed ? "succeeded" : "failed")}";
    });

    public string PortalReturn(string id) => Locked(() => _portals[id]);

    /// <summary>Cancels an intent in the dashboard.</summary>
    public void CancelIntent(string intentId) => Locked(() => _intents[intentId].Status = "canceled");

    StandInMethod CreateMethod(string customer, string kind)
    {
        var method = new StandInMethod(NewId("pm"), customer);
        _methods.Add(method.Id, method);
        Change(method, kind);
        return method;
    }

    /// <summary>Moves the money, or fails to.</summary>
    void Finish(StandInIntent intent, StandInMethod method, bool succeeds, string declineCode)
    {
        if (intent.Status != "processing" && (succeeds || !method.IsBlocked))
        {
            intent.Charge = new StandInCharge(NewId("ch"), intent.Amount, Now);
            _charges.Add(intent.Charge);
        }

        if (!method.IsBlocked)
        {
            intent.Charge!.Succeeded = succeeds;
        }

        intent.Status = succeeds ? "succeeded" : "requires_payment_method";
        intent.Error = succeeds ? null : CardError(declineCode);
        intent.Method = succeeds ? method : null;
        Emit(succeeds ? "payment_intent.succeeded" : "payment_intent.payment_failed", intent.Json(address, expands: false));
    }

    static JsonObject CardError(string code) => new()
    {
        ["type"] = "card_error",
        ["code"] = code is "authentication_required" or "expired_card" ? code : "card_declined",
        ["decline_code"] = code,
        ["message"] = $"Your card was declined: {code}.",
    };

    string NewId(string prefix) => string.Create(CultureInfo.InvariantCulture, $"{prefix}_{++_ids:000000}");

    T Locked<T>(Func<T> action)
    {
        lock (_lock)
        {
            return action();
        }
    }
}
