using System.Net.Http.Json;
using System.Text;
using System.Text.Json;

namespace ControlPlane.Tests.Support.Payments;

/// <summary>A server whose payments go to a stand-in for Stripe, and a tenant of plan basic with a saved method.</summary>
sealed class PaymentRig : IAsyncDisposable
{
    public static readonly DateTimeOffset Start = new(2026, 3, 1, 9, 0, 0, TimeSpan.Zero);

    /// <summary>The end of the first period.</summary>
    public static readonly DateTimeOffset End = new(2026, 4, 1, 0, 0, 0, TimeSpan.Zero);

    /// <summary>When its invoice is charged.</summary>
    public static readonly DateTimeOffset Charge = End.AddHours(9);

    /// <summary>Of the plan, without overage and tax.</summary>
    public const decimal Price = 9.90m;

    bool _isStopped;

    PaymentRig(TestServer server, StripeStandIn stripe, TestTenant tenant) => (Server, Stripe, Tenant) = (server, stripe, tenant);

    public TestServer Server { get; }
    public StripeStandIn Stripe { get; }
    public StandInState State => Stripe.State;
    public TestTenant Tenant { get; }

    /// <summary>The tenant's customer at Stripe.</summary>
    public string Customer { get; private set; } = "";
    public StandInMethod Method { get; private set; } = null!;

    /// <param name="kind">Of the saved method: <see cref="StandInState.Save"/>; null: none is saved.</param>
    public static async Task<PaymentRig> StartAsync(string? kind = "visa", string? database = null)
    {
        var stripe = await StripeStandIn.StartAsync(Start);
        var server = await TestServer.StartAsync(clock: Start, settings: stripe.Settings, database: database, keepDatabase: database is not null);
        var rig = new PaymentRig(server, stripe, await server.CreateTenantAsync());
        using var language = await rig.Tenant.Http.PatchAsync("/v1/organization", JsonContent.Create(new { language = "en" }));
        language.EnsureSuccessStatusCode();
        if (kind is not null)
        {
            (rig.Customer, rig.Method) = await rig.SaveMethodAsync(rig.Tenant, kind);
        }

        return rig;
    }

    /// <summary>A member saves a method on Stripe's page.</summary>
    public async Task<(string Customer, StandInMethod Method)> SaveMethodAsync(TestTenant tenant, string kind)
    {
        var methods = Server.Services.GetRequiredService<PaymentMethods>();
        var back = new Uri(Server.Address, "app/billing/return");
        var page = Assert.IsType<SetupResult.Page>(await methods.BeginSetupAsync(tenant.Id, back, Server.Address, default)).Address;
        State.CompleteSession(page.Segments[^1], kind);
        Assert.IsType<FinishSetupResult.Saved>(await methods.FinishSetupAsync(tenant.Id, page.Segments[^1], "test", default));
        var customer = (await Server.ReadAsync<string>("select customer_id from control.billing_profile where tenant_id = $1", tenant.Id))!;
        return (customer, State.DefaultOf(customer)!);
    }

    /// <summary>Moves the clocks of both sides, and collects what is due then.</summary>
    public async Task MoveAsync(DateTimeOffset to)
    {
        State.Advance(to - State.Now);
        await Server.MoveClockAsync(to);
        await Server.RunJobAsync("payments");
    }

    /// <summary>As <see cref="MoveAsync"/>, with the claims of killed processes over.</summary>
    public Task ExpireClaimsAsync() => Server.SqlAsync("update control.payment set claimed_until = now() - interval '1 second' where claimed_until is not null");

    public Task<HttpResponseMessage> PayAsync() => Tenant.Http.PostAsync("/v1/invoices/INV-000001/pay", content: null);

    /// <summary>Delivers a webhook, signed with the time of Stripe's clock, and applies it.</summary>
    public async Task DeliverAsync(params IEnumerable<StandInEvent> events)
    {
        foreach (var sent in events)
        {
            using var reply = await PostAsync(sent.Payload, sent.Sign(State.Now));
            Assert.Equal(200, (int)reply.StatusCode);
        }

        await Server.RunJobAsync("payments");
    }

    public async Task<HttpResponseMessage> PostAsync(string payload, string? signature)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/webhooks/stripe") { Content = new StringContent(payload, Encoding.UTF8, "application/json") };
        if (signature is not null)
        {
            request.Headers.TryAddWithoutValidation("Stripe-Signature", signature);
        }

        return await Server.Anonymous.SendAsync(request);
    }

    public async Task<string> PaymentStateAsync() => (await Server.ReadAsync<string>("select state from control.payment where tenant_id = $1 order by due_at limit 1", Tenant.Id))!;

    public Task<DateTimeOffset?> NextAttemptAsync() => Server.ReadAsync<DateTimeOffset?>("select next_attempt_at from control.payment where tenant_id = $1 order by due_at limit 1", Tenant.Id);

    /// <summary>EUR that are left to settle of the first invoice.</summary>
    public Task<decimal> OpenAsync() => Server.ReadAsync<decimal>(
        "select total_amount - coalesce((select sum(amount) from control.settlement s where s.invoice_id = i.id), 0) from control.invoice i where tenant_id = $1 order by number limit 1", Tenant.Id);

    public Task<decimal> BalanceAsync() => Server.ReadAsync<decimal>("select coalesce(sum(amount), 0) from control.balance_entry where tenant_id = $1", Tenant.Id);

    public async Task<IReadOnlyList<string>> MailsAsync() => [.. (await Server.MailsAsync()).Select(mail => mail.Subject)];

    /// <summary>Stops the server; the stand-in stays.</summary>
    public async Task StopServerAsync()
    {
        if (!_isStopped)
        {
            _isStopped = true;
            await Server.DisposeAsync();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await StopServerAsync();
        await Stripe.DisposeAsync();
    }
}

static class PaymentReplies
{
    public static string? Member(this JsonElement json, string name) => json.TryGetProperty(name, out var member) ? member.ToString() : null;
}
