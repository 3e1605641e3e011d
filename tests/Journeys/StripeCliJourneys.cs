using System.Diagnostics;
using System.Text.Json;
using ControlPlane.Tests.Support.Payments;

namespace ControlPlane.Tests;

/// <summary>
/// Stripe's own command line client at the stand-in, as a person at Stripe's side of an invoice: what it does there reaches the platform by webhooks only. It needs no network:
/// <c>stripe listen</c>, which does, is not used.
/// </summary>
[Trait("Category", "StripeCli")]
public sealed class StripeCliJourneys : IDisposable
{
    readonly DirectoryInfo _home = Directory.CreateTempSubdirectory("stripe-cli-");

    [Fact]
    public async Task What_is_confirmed_and_refunded_with_Stripes_own_client_is_booked_once_and_reviewed()
    {
        await using var rig = await PaymentRig.StartAsync("insufficient_funds");
        await rig.MoveAsync(PaymentRig.Charge);
        var intent = rig.State.Intents[0].Id;
        Assert.Equal("requires_payment_method", (await RunAsync(rig, "get", $"/v1/payment_intents/{intent}")).GetProperty("status").GetString());

        var card = rig.State.Save(rig.Customer, "visa").Id;
        string[] confirm = ["post", $"/v1/payment_intents/{intent}/confirm", "-d", $"payment_method={card}", "-d", "return_url=https://platform.test/app"];
        Assert.Equal("succeeded", (await RunAsync(rig, confirm)).GetProperty("status").GetString());
        Assert.Equal("payment_intent_unexpected_state", (await RunAsync(rig, confirm)).GetProperty("error").GetProperty("code").GetString());
        await rig.DeliverAsync(rig.State.Events);

        Assert.Equal(("succeeded", 0m), (await rig.PaymentStateAsync(), await rig.OpenAsync()));
        Assert.Equal([PaymentRig.Price], rig.State.Taken);

        await RunAsync(rig, "post", "/v1/refunds", "-d", $"payment_intent={intent}", "-d", "amount=400");
        await rig.DeliverAsync(rig.State.Events[^1]);

        // It needs a credit note, which only an operator can write.
        Assert.Equal(0m, await rig.OpenAsync());
        Assert.Equal(1, await rig.Server.ReadAsync<long>("select count(*) from control.billing_review where tenant_id = $1 and kind = 'amount_mismatch' and resolved_at is null", rig.Tenant.Id));
    }

    public void Dispose() => _home.Delete(recursive: true);

    async Task<JsonElement> RunAsync(PaymentRig rig, params string[] arguments)
    {
        var start = new ProcessStartInfo(Environment.GetEnvironmentVariable("STRIPE_CLI")!, [.. arguments, "--api-base", rig.Stripe.Address])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        // Of whoever runs the tests, it must neither read the settings nor report the use.
        start.Environment["HOME"] = _home.FullName;
        start.Environment["STRIPE_API_KEY"] = StripeStandIn.Key;
        start.Environment["STRIPE_CLI_TELEMETRY_OPTOUT"] = "1";
        using var client = Process.Start(start)!;
        var (output, errors) = (client.StandardOutput.ReadToEndAsync(), client.StandardError.ReadToEndAsync());
        await client.WaitForExitAsync();
        return (await output).TrimStart() is ['{', ..] json ? JsonDocument.Parse(json).RootElement : throw new InvalidOperationException($"stripe {string.Join(' ', arguments)}: {await output}{await errors}");
    }
}
