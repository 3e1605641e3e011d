using System.Net;
using System.Net.Http.Json;
using ControlPlane.Tests.Support.Payments;

namespace ControlPlane.Tests;

/// <summary>Test payments of a sandbox without a provider.</summary>
public sealed class SandboxPaymentJourneys : IAsyncLifetime
{
    TestServer _server = null!;
    TestTenant _tenant = null!;

    public async Task InitializeAsync()
    {
        _server = await TestServer.StartAsync(clock: PaymentRig.Start);
        _tenant = await _server.CreateTenantAsync();
    }

    public async Task DisposeAsync() => await _server.DisposeAsync();

    [Fact]
    public async Task Payments_succeed_by_default()
    {
        await MoveAsync(PaymentRig.Charge);
        Assert.Equal("succeeded", await StateAsync());
    }

    [Theory]
    [InlineData("decline", "retry")]
    [InlineData("insufficient_funds", "retry")]
    [InlineData("authentication_required", "customer")]
    [InlineData("expired_card", "customer")]
    [InlineData("lost_card", "hard")]
    public async Task A_tenants_outcome_can_be_decided_and_paying_works_when_it_is_changed(string outcome, string kind)
    {
        await SetAsync(outcome);
        await MoveAsync(PaymentRig.Charge);
        Assert.Equal(("failed", kind), (await StateAsync(), await _server.ReadAsync<string>("select decline_kind from control.payment")));

        await SetAsync("succeed");
        Assert.Equal("paid", (await (await _tenant.Http.PostAsync("/v1/invoices/INV-000001/pay", content: null)).ReadAsync()).Member("status"));
    }

    [Theory]
    [InlineData("pending", "succeeded")]
    [InlineData("insufficient_funds", "failed")]
    public async Task A_debit_ends_after_five_days(string then, string state)
    {
        await SetAsync("pending");
        await MoveAsync(PaymentRig.Charge);
        await SetAsync(then);
        await MoveAsync(PaymentRig.Charge.AddDays(4));
        Assert.Equal("pending", await StateAsync());
        await MoveAsync(PaymentRig.Charge.AddDays(5));
        Assert.Equal(state, await StateAsync());
    }

    [Fact]
    public async Task Debits_that_bounce_one_after_the_other_do_not_stop_the_clock()
    {
        await SetAsync("pending");
        await MoveAsync(PaymentRig.Charge);
        await SetAsync("insufficient_funds");
        await MoveAsync(PaymentRig.Charge.AddDays(5));
        await SetAsync("pending");
        using var second = await PayAsync();
        await SetAsync("insufficient_funds");
        await _server.JumpAsync(PaymentRig.Charge.AddDays(11), "payments");
        // With the bounce, not with the hourly job: another debit would stop the clock again.
        Assert.Equal("local_models", await AccessAsync());

        await SetAsync("pending");
        using var third = await PayAsync();

        Assert.Equal(("pending", "local_models"), (await StateAsync(), await AccessAsync()));
    }

    [Fact]
    public async Task The_newest_payment_can_be_taken_back_once_and_paid_again()
    {
        using var early = await PostAsync("reverse");
        Assert.Equal(HttpStatusCode.Conflict, early.StatusCode);
        await MoveAsync(PaymentRig.Charge);

        Assert.Equal("INV-000001", (await (await PostAsync("reverse")).ReadAsync()).Member("reversed_invoice"));
        Assert.Equal("reversed", await StateAsync());
        Assert.Equal("paid", (await (await _tenant.Http.PostAsync("/v1/invoices/INV-000001/pay", content: null)).ReadAsync()).Member("status"));
        Assert.Equal(9.90m, await _server.ReadAsync<decimal>("select sum(amount) from control.settlement"));
    }

    [Fact]
    public async Task Unknown_outcomes_and_tenants_are_refused()
    {
        using var outcome = await PostAsync("nonsense");
        Assert.Equal(HttpStatusCode.BadRequest, outcome.StatusCode);
        using var tenant = await _server.Operator.PostAsJsonAsync("/v1/sandbox/payments", new { tenant_id = Guid.Empty, outcome = "succeed" });
        Assert.Equal(HttpStatusCode.NotFound, tenant.StatusCode);
        using var webhook = await _server.Anonymous.PostAsync("/v1/webhooks/sandbox", new StringContent("{}"));
        Assert.Equal(HttpStatusCode.BadRequest, webhook.StatusCode);
    }

    async Task MoveAsync(DateTimeOffset to)
    {
        await _server.MoveClockAsync(to);
        await _server.RunJobAsync("payments");
    }

    async Task<string?> StateAsync() => await _server.ReadAsync<string>("select state from control.payment");

    async Task SetAsync(string outcome) => await (await PostAsync(outcome)).ReadAsync();

    Task<string?> AccessAsync() => _server.ReadAsync<string>("select access from control.subscription");

    Task<HttpResponseMessage> PayAsync() => _tenant.Http.PostAsync("/v1/invoices/INV-000001/pay", content: null);

    Task<HttpResponseMessage> PostAsync(string outcome) => _server.Operator.PostAsJsonAsync("/v1/sandbox/payments", new { tenant_id = _tenant.Id, outcome });
}
