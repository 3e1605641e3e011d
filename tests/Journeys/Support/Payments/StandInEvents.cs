using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;

namespace ControlPlane.Tests.Support.Payments;

// The events, which a test delivers: late, repeated, in any order.
sealed partial class StandInState
{
    readonly List<StandInEvent> _events = [];

    /// <summary>Everything that has happened, oldest first.</summary>
    public IReadOnlyList<StandInEvent> Events => Locked(() => _events.ToList());

    void Emit(string type, JsonObject subject, JsonObject? previous = null)
    {
        var id = NewId("evt");
        var data = new JsonObject { ["object"] = subject };
        if (previous is not null)
        {
            data["previous_attributes"] = previous;
        }

        _events.Add(new StandInEvent(id, type, new JsonObject
        {
            ["id"] = id,
            ["object"] = "event",
            ["api_version"] = "2026-10-28.endive",
            ["created"] = Now.ToUnixTimeSeconds(),
            ["type"] = type,
            ["livemode"] = false,
            ["data"] = data,
        }.ToJsonString()));
    }
}

sealed record StandInEvent(string Id, string Type, string Payload)
{
    /// <summary>The header <c>Stripe-Signature</c>.</summary>
    public string Sign(DateTimeOffset at, string secret = StripeStandIn.WebhookSecret) => Sign(Payload, at, secret);

    public static string Sign(string payload, DateTimeOffset at, string secret = StripeStandIn.WebhookSecret)
    {
        var time = at.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
        var signature = HMACSHA256.HashData(Encoding.UTF8.GetBytes(secret), Encoding.UTF8.GetBytes($"{time}.{payload}"));
        return $"t={time},v1={Convert.ToHexStringLower(signature)}";
    }
}
